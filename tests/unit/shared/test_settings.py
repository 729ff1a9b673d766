"""App settings: one message names everything that is missing or wrong."""

import pytest

from shared.settings import SettingsMistake, read_settings

COMPLETE = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "EventHubs": "Endpoint=sb://127.0.0.1;SharedAccessKeyName=n;SharedAccessKey=k;UseDevelopmentEmulator=true",
    "CosmosDB": "AccountEndpoint=http://127.0.0.1:8081/;AccountKey=a2V5;",
    "TELEMETRY_HUB": "telemetry",
    "COSMOS_DATABASE": "iot",
}
KEYLESS = {
    "AzureWebJobsStorage__accountName": "store",
    "EventHubs__fullyQualifiedNamespace": "n.servicebus.windows.net",
    "CosmosDB__accountEndpoint": "https://n.documents.azure.com",
    "TELEMETRY_HUB": "telemetry",
    "COSMOS_DATABASE": "iot",
    "AZURE_CLIENT_ID": "id",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in (*COMPLETE, *KEYLESS, "ANALYTICS_ROUTE", "KUSTO_URI"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_all_that_is_missing_or_wrong_is_named_in_one_message(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ANALYTICS_ROUTE", "both")
    environment.setenv("KUSTO_URI", "localhost")
    environment.setenv("CosmosDB", "AccountKey=secret")

    with pytest.raises(SettingsMistake) as caught:
        read_settings()

    message = str(caught.value)
    for name in ("AzureWebJobsStorage", "EventHubs", "CosmosDB", "TELEMETRY_HUB", "COSMOS_DATABASE", "KUSTO_URI"):
        assert f"{name} is " in message
    assert "ANALYTICS_ROUTE is 'both'" in message
    assert "secret" not in message
    assert "\n" not in message


@pytest.mark.parametrize("given", [COMPLETE, KEYLESS])
def test_keys_and_identities_are_both_taken(environment: pytest.MonkeyPatch, given: dict[str, str]) -> None:
    for name, value in given.items():
        environment.setenv(name, value)

    settings = read_settings()

    assert settings.telemetry_hub == "telemetry"
    assert (settings.analytics_hub, settings.dead_letter_container) == ("analytics", "dead-letters")
    assert settings.analytics_route == "change-feed"


@pytest.mark.parametrize("missing", COMPLETE)
def test_an_empty_setting_is_a_missing_one(environment: pytest.MonkeyPatch, missing: str) -> None:
    for name, value in (COMPLETE | {missing: ""}).items():
        environment.setenv(name, value)

    with pytest.raises(SettingsMistake, match=f"^App settings: {missing} is missing"):
        read_settings()
