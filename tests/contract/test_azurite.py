"""Azurite as a process: started, asked by the real storage SDK, killed and started again."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from local.azurite import Azurite
from local.launch import NotReady


@pytest.fixture
def azurite() -> Iterator[Azurite]:
    with Azurite() as server:
        yield server


def test_connection_string_reaches_blobs_and_queues(azurite: Azurite) -> None:
    with BlobServiceClient.from_connection_string(azurite.connection_string) as blobs:
        blobs.create_container("letters").upload_blob("a/b.json", b"{}").close()
        assert [blob.name for blob in blobs.get_container_client("letters").list_blobs()] == ["a/b.json"]
    with QueueServiceClient.from_connection_string(azurite.connection_string) as queues:
        queues.create_queue("todo").send_message("hello")
    assert httpx.get(f"http://127.0.0.1:{azurite.table_port}/").status_code == 400
    assert httpx.get(azurite.url).status_code in (400, 403)


def test_after_a_restart_the_ports_are_the_same_and_memory_is_empty(azurite: Azurite) -> None:
    with BlobServiceClient.from_connection_string(azurite.connection_string) as blobs:
        blobs.create_container("letters").close()
        before = azurite.connection_string
        azurite.restart()
        assert azurite.connection_string == before
        assert list(blobs.list_containers()) == []


def test_data_directory_outlives_an_orderly_stop(tmp_path: Path) -> None:
    for _ in range(2):
        with (
            Azurite(data=tmp_path) as server,
            BlobServiceClient.from_connection_string(server.connection_string) as blobs,
            contextlib.closing(blobs.get_container_client("letters")) as letters,
        ):
            if not letters.exists():
                letters.create_container()
                letters.upload_blob("a.json", b"{}").close()
            assert letters.download_blob("a.json").readall() == b"{}"
            assert server.terminate() == 0


def test_port_in_use_is_told(azurite: Azurite) -> None:
    with pytest.raises(NotReady, match="in use"):
        Azurite(blob_port=azurite.blob_port).start()
