"""What the service tells of hubs and partitions."""

import asyncio
import datetime

import pytest
from azure.eventhub import EventData, EventHubConsumerClient, EventHubProducerClient
from azure.eventhub import aio as asynchronous
from azure.eventhub.exceptions import ConnectError

from tests.contract.event_hubs.conftest import MANY


def test_hub_properties_name_the_hub_and_its_partitions(connection: str) -> None:
    with EventHubConsumerClient.from_connection_string(connection, "$Default", eventhub_name="empty") as client:
        properties = client.get_eventhub_properties()
        assert client.get_partition_ids() == ["0", "1"]

    age = datetime.datetime.now(datetime.UTC) - properties["created_at"]
    assert properties["eventhub_name"] == "Empty"
    assert properties["partition_ids"] == ["0", "1"]
    assert datetime.timedelta(0) <= age < datetime.timedelta(minutes=10)


def test_partition_properties_of_an_empty_partition_say_so(connection: str) -> None:
    with EventHubProducerClient.from_connection_string(connection, eventhub_name="Empty") as client:
        properties = client.get_partition_properties("1")

    assert properties == {
        "eventhub_name": "Empty",
        "id": "1",
        "beginning_sequence_number": 0,
        "last_enqueued_sequence_number": -1,
        "last_enqueued_offset": "-1",
        "last_enqueued_time_utc": datetime.datetime(1, 1, 1, tzinfo=datetime.UTC),
        "is_empty": True,
    }


async def test_partition_properties_follow_each_send(
    producer: asynchronous.EventHubProducerClient, partition: str
) -> None:
    seen = []
    for count in (1, 3):
        await producer.send_batch([EventData("x")] * count, partition_id=partition)
        seen.append(await producer.get_partition_properties(partition))

    assert [each["last_enqueued_sequence_number"] for each in seen] == [0, 3]
    assert [each["beginning_sequence_number"] for each in seen] == [0, 0]
    assert not any(each["is_empty"] for each in seen)
    assert int(seen[0]["last_enqueued_offset"]) < int(seen[1]["last_enqueued_offset"])
    age = datetime.datetime.now(datetime.UTC) - seen[1]["last_enqueued_time_utc"]
    assert datetime.timedelta(0) <= age < datetime.timedelta(seconds=30)


async def test_hub_names_are_found_without_regard_to_case_and_by_localhost(connection: str) -> None:
    source = connection.replace("127.0.0.1", "localhost")
    async with asynchronous.EventHubProducerClient.from_connection_string(source, eventhub_name="eMPTY") as client:
        assert (await client.get_eventhub_properties())["eventhub_name"] == "Empty"


async def test_unknown_hub_and_partition_are_connect_errors(connection: str) -> None:
    async with asynchronous.EventHubProducerClient.from_connection_string(
        connection, eventhub_name="nemo", retry_total=0
    ) as client:
        with pytest.raises(ConnectError, match="'nemo' could not be found"):
            await client.get_eventhub_properties()
    async with asynchronous.EventHubProducerClient.from_connection_string(
        connection, eventhub_name="Empty", retry_total=0
    ) as client:
        unknown = ("2", "-1", "XYZ", "01", "9" * 5000)
        asked = (client.get_partition_properties(partition) for partition in unknown)
        for error in await asyncio.gather(*asked, return_exceptions=True):
            assert isinstance(error, ConnectError)
            assert "should be between 0 and 1" in str(error)


async def test_other_management_requests_are_refused(connection: str) -> None:
    async with asynchronous.EventHubProducerClient.from_connection_string(
        connection, eventhub_name=MANY, retry_total=0
    ) as client:
        with pytest.raises(ConnectError, match="Status code: 501"):
            await client._management_request_async(  # the SDK has no public way to ask for anything else
                client._amqp_transport.build_message(application_properties={"name": MANY}), op_type=b"nothing"
            )
