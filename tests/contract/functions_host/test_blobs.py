"""Blob triggers and outputs: each version of a blob once, poison after five tries."""

import json
import uuid
from collections.abc import Iterator

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient
from azure.storage.queue import QueueServiceClient, TextBase64DecodePolicy

from local.azurite import Azurite
from tests.contract.functions_host.conftest import Hosts
from tests.contract.functions_host.hosts import Record, eventually


@pytest.fixture
def uploads(blobs: BlobServiceClient) -> ContainerClient:
    return blobs.create_container(f"uploads-{uuid.uuid4().hex[:12]}")


@pytest.fixture
def queues(storage: Azurite) -> Iterator[QueueServiceClient]:
    with QueueServiceClient.from_connection_string(storage.connection_string) as client:
        yield client


def test_each_version_of_a_blob_runs_once_and_its_outputs_are_written(
    hosts: Hosts, uploads: ContainerClient, blobs: BlobServiceClient, queues: QueueServiceClient, record: Record
) -> None:
    uploads.upload_blob("a/b.txt", b"hello")
    uploads.upload_blob("no-extension", b"not meant")
    first = hosts("files", CONTAINER=uploads.container_name)
    record.wait(lambda lines: len(lines) == 1)
    copies = blobs.get_container_client(f"{uploads.container_name}-copies")
    eventually(lambda: copies.exists() and copies.get_blob_client("a/b.copy").exists(), lambda: first.output)

    assert copies.get_blob_client("a/b.copy").download_blob().readall() == b"HELLO"
    line = record.lines()[0]
    assert (line["name"], line["length"], line["content"]) == (f"{uploads.container_name}/a/b.txt", 5, "hello")
    assert line["uri"].endswith(f"/{uploads.container_name}/a/b.txt")
    queue = queues.get_queue_client(uploads.container_name, message_decode_policy=TextBase64DecodePolicy())
    eventually(lambda: "Executed 'Functions.copies' (Succeeded" in first.output, lambda: first.output)
    told = {message.content for message in queue.receive_messages()}
    assert told == {f"copied {uploads.container_name}/a/b.txt", "5 bytes"}

    assert first.terminate() == 0
    hosts("files", CONTAINER=uploads.container_name)
    uploads.upload_blob("a/b.txt", b"again", overwrite=True)
    record.wait(lambda lines: len(lines) >= 2)
    assert [line["content"] for line in record.lines()] == ["hello", "again"]


def test_blob_that_fails_five_times_goes_to_the_poison_queue(
    hosts: Hosts, uploads: ContainerClient, queues: QueueServiceClient, record: Record
) -> None:
    uploads.upload_blob("bad.txt", b"poison")
    uploads.upload_blob("good.txt", b"fine")
    host = hosts("files", CONTAINER=uploads.container_name)
    eventually(lambda: "moved to queue webjobs-blobtrigger-poison" in host.output, lambda: host.output)

    assert [line["content"] for line in record.lines()].count("poison") == 5
    record.wait(lambda lines: any(line["content"] == "fine" for line in lines))
    poison = queues.get_queue_client("webjobs-blobtrigger-poison", message_decode_policy=TextBase64DecodePolicy())
    letters = [json.loads(message.content) for message in poison.receive_messages()]
    mine = [letter for letter in letters if letter["ContainerName"] == uploads.container_name]
    assert [(letter["BlobName"], letter["Type"]) for letter in mine] == [("bad.txt", "BlobTrigger")]
