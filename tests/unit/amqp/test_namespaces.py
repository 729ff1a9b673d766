"""Connection strings are read as azure-eventhub reads them."""

import asyncio
from datetime import UTC, datetime

import pytest

from local.amqp.claims import SharedAccessKey, SharedAccessSignature
from local.amqp.connection import Endpoint
from local.amqp.errors import LINK_STOLEN, SERVER_BUSY
from local.amqp.namespaces import namespace_by_key
from local.amqp.receiver import Position, Retries

KEY = "SharedAccessKeyName=n;SharedAccessKey=a+b=="


def test_a_namespace_in_azure_speaks_tls_and_an_emulator_plain_amqp_on_its_port() -> None:
    azure = namespace_by_key(f"Endpoint=sb://ns.servicebus.windows.net/;{KEY};EntityPath=hub")
    local = namespace_by_key(f"Endpoint=sb://127.0.0.1:1234;{KEY};UseDevelopmentEmulator=true;")
    bare = namespace_by_key(f"endpoint=sb://localhost;{KEY};usedevelopmentemulator=true")

    assert azure.endpoint == Endpoint("ns.servicebus.windows.net", 5671, is_secure=True)
    assert azure.claims == SharedAccessKey("n", "a+b==")
    assert local.endpoint == Endpoint("127.0.0.1", 1234, is_secure=False)
    assert bare.endpoint == Endpoint("localhost", 5672, is_secure=False)


def test_a_signature_is_put_as_it_is() -> None:
    claims = namespace_by_key("Endpoint=sb://ns;SharedAccessSignature=SharedAccessSignature sr=a&sig=b&se=1").claims
    assert claims == SharedAccessSignature("SharedAccessSignature sr=a&sig=b&se=1")
    assert asyncio.run(claims.claim("hub")).token == "SharedAccessSignature sr=a&sig=b&se=1"


@pytest.mark.parametrize("text", ["", "nonsense", f"Endpoint=;{KEY}", "Endpoint=sb://ns;SharedAccessKeyName=n"])
def test_what_is_no_connection_string_is_a_clear_error(text: str) -> None:
    with pytest.raises(ValueError, match="connection string"):
        namespace_by_key(text)


def test_positions_are_selectors_of_the_service() -> None:
    moment = datetime(2025, 2, 4, 11, 24, 52, 991_000, tzinfo=UTC)
    assert Position("17").selector() == "amqp.annotation.x-opt-offset > '17'"
    assert Position("@latest").selector() == "amqp.annotation.x-opt-offset > '@latest'"
    assert Position(17, is_inclusive=True).selector() == "amqp.annotation.x-opt-sequence-number >= '17'"
    assert Position(moment).selector() == "amqp.annotation.x-opt-enqueued-time > '1738668292991'"


def test_waits_grow_up_to_the_longest_and_a_busy_service_is_left_alone() -> None:
    growing = Retries(delay=0.5, longest=3)
    assert [growing.wait(failures, None) for failures in range(4)] == [0.5, 1, 2, 3]
    assert Retries(delay=0.5, is_growing=False).wait(7, LINK_STOLEN) == 0.5
    assert Retries(delay=0.5).wait(0, SERVER_BUSY) == 4
