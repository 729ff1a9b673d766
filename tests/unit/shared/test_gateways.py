"""The gateways of a worker: lazily built, once, with keys or with the managed identity."""

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError

from shared.gateways.errors import Unavailable
from shared.gateways.worker import Gateways
from shared.settings import read_settings
from tests.unit.shared.test_settings import COMPLETE, KEYLESS


@pytest.fixture(params=[COMPLETE, KEYLESS], ids=["keys", "identity"])
async def given(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in (*COMPLETE, *KEYLESS):
        monkeypatch.delenv(name, raising=False)
    for name, value in request.param.items():
        monkeypatch.setenv(name, value)
    async with Gateways(read_settings()) as gateways:
        yield gateways


async def test_each_gateway_is_built_once_when_first_asked_for(given: Gateways) -> None:
    assert not {"telemetry", "analytics", "letters"} & set(vars(given))

    assert given.telemetry is given.telemetry
    assert given.analytics is given.analytics
    assert given.letters is given.letters
    assert given.letter_box is given.letter_box


async def test_closing_lets_go_of_all_that_was_built(given: Gateways) -> None:
    assert given.telemetry
    assert given.letters

    await given.close()

    assert given._closing == []


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ServiceRequestError("no route\nto host"), "Cosmos DB can't be reached: ServiceRequestError: no route"),
        (TimeoutError(), "Cosmos DB can't be reached: TimeoutError: "),
    ],
)
def test_unavailable_says_in_one_line_what_was_met(error: Exception, message: str) -> None:
    assert str(Unavailable("Cosmos DB", error)) == message


def test_unavailable_tells_the_status() -> None:
    error = HttpResponseError("too many requests")
    error.status_code = 429

    unavailable = Unavailable("Cosmos DB", error)

    assert unavailable.status == 429
    assert str(unavailable).startswith("Cosmos DB answered 429")
