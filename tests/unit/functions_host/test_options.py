"""host.json, settings and connections: defaults, overrides, and what is missing."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from local.functions_host.connections import Connection, find_connection
from local.functions_host.event_hub_clients import event_hub_namespace
from local.functions_host.host_json import HostOptions, read_host_options
from local.functions_host.settings import (
    MissingSetting,
    Settings,
    put_into_environment,
    read_local_settings,
)
from local.functions_host.storage_clients import blob_service
from local.process import UserMistake


def _options(tmp_path: Path, document: object, environment: dict[str, str] | None = None) -> HostOptions:
    (tmp_path / "host.json").write_text(json.dumps(document))
    return read_host_options(tmp_path, environment or {})


def test_defaults_are_the_real_hosts(tmp_path: Path) -> None:
    options = _options(tmp_path, {"version": "2.0"})
    hubs = options.extensions.event_hubs

    assert (hubs.max_event_batch_size, hubs.min_event_batch_size, hubs.prefetch_count) == (100, 1, 300)
    assert (hubs.max_wait_time, hubs.batch_checkpoint_frequency) == (timedelta(seconds=60), 1)
    assert options.extensions.http.route_prefix == "api"
    assert (options.function_timeout, options.retry) == (None, None)


def test_settings_override_the_file_whatever_their_case(tmp_path: Path) -> None:
    document = {"version": "2.0", "extensions": {"eventHubs": {"MaxEventBatchSize": 10}}}
    override = {"AzureFunctionsJobHost__Extensions__EventHubs__maxEventBatchSize": "25"}

    assert _options(tmp_path, document).extensions.event_hubs.max_event_batch_size == 10
    assert _options(tmp_path, document, override).extensions.event_hubs.max_event_batch_size == 25


def test_app_wide_retry_and_timeouts_are_read(tmp_path: Path) -> None:
    retry = {"strategy": "fixedDelay", "maxRetryCount": 2, "delayInterval": "00:00:03"}
    options = _options(tmp_path, {"version": "2.0", "functionTimeout": "00:05:00", "retry": retry})

    assert options.function_timeout == timedelta(minutes=5)
    assert options.retry is not None
    assert (options.retry.strategy, options.retry.delay_interval) == ("fixeddelay", timedelta(seconds=3))
    assert _options(tmp_path, {"version": "2.0", "functionTimeout": "-1"}).function_timeout is None


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"version": "1.0"}, "version"),
        ({"version": "2.0", "functionTimeout": "five minutes"}, "functiontimeout: 'five minutes' is no duration"),
        ({"version": "2.0", "extensions": {"eventHubs": {"batchCheckpointFrequency": 0}}}, "batchcheckpointfrequency"),
        ([], "must hold a JSON object"),
    ],
)
def test_wrong_values_are_named(tmp_path: Path, document: object, told: str) -> None:
    with pytest.raises(UserMistake, match=told):
        _options(tmp_path, document)


def test_local_settings_do_not_override_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "local.settings.json"
    path.write_text(
        '\ufeff{"IsEncrypted": false, "Values": {"A": "file", "B": "file"}, "Host": {"LocalHttpPort": 7072}}'
    )
    settings = read_local_settings(path)
    environment = {"B": "set"}

    assert put_into_environment(settings.values, environment) == ("B",)
    assert environment == {"A": "file", "B": "set"}
    assert settings.port == 7072
    assert read_local_settings(tmp_path / "none.json").values == {}


@pytest.mark.parametrize("content", ["{", '{"Values": {"A": 1}}', '{"IsEncrypted": true, "Values": {}}'])
def test_local_settings_that_cannot_be_used_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "local.settings.json"
    path.write_text(content)
    with pytest.raises(UserMistake, match=r"local\.settings\.json"):
        read_local_settings(path)


def test_settings_fill_binding_values() -> None:
    settings = Settings({"HUB": "telemetry", "GROUP": "store", "EMPTY": ""})
    assert settings.resolve("%HUB%-%GROUP%") == "telemetry-store"
    assert settings.resolve("plain 100%") == "plain 100%"
    with pytest.raises(MissingSetting, match="set NOT_THERE"):
        settings.resolve("%NOT_THERE%")
    with pytest.raises(MissingSetting, match="set EMPTY"):
        settings.resolve("%EMPTY%")


@pytest.mark.parametrize("name", ["AzureWebJobs.store.Disabled", "AzureWebJobs_store_Disabled"])
def test_function_is_disabled_by_setting(name: str) -> None:
    assert Settings({name: "true"}).is_disabled("store")
    assert Settings({name: "1"}).is_disabled("store")
    assert not Settings({name: "false"}).is_disabled("store")
    assert not Settings({name: "true"}).is_disabled("other")


def test_connection_is_a_string_or_a_section_of_settings() -> None:
    by_string = find_connection(Settings({"Hubs": "Endpoint=sb://ns.servicebus.windows.net/;X=y"}), "Hubs", "EventHub")
    by_identity = find_connection(
        Settings({"Hubs__fullyQualifiedNamespace": "ns.servicebus.windows.net", "Hubs__clientId": "me"}), "Hubs", ""
    )

    assert event_hub_namespace(by_string) == event_hub_namespace(by_identity) == "ns.servicebus.windows.net"
    assert by_identity.section["clientid"] == "me"
    assert find_connection(Settings({"AzureWebJobsStorage": "x"}), "Storage", "").text == "x"
    with pytest.raises(MissingSetting, match="the connection Missing is not set"):
        find_connection(Settings({}), "Missing", "EventHub")


async def test_development_storage_is_azurite_on_its_own_ports() -> None:
    client = blob_service(Connection("S", "UseDevelopmentStorage=true", {}))
    assert client.url == "http://127.0.0.1:10000/devstoreaccount1/"
    await client.close()


@pytest.mark.parametrize(
    ("text", "section", "uses_proxies"),
    [
        ("UseDevelopmentStorage=true", {}, False),
        ("Endpoint=sb://127.0.0.1:5672;SharedAccessKeyName=n;SharedAccessKey=k", {}, False),
        ("AccountEndpoint=http://localhost:8081/;AccountKey=k;", {}, False),
        ("DefaultEndpointsProtocol=http;AccountName=a;BlobEndpoint=http://127.0.0.1:10000/a;AccountKey=k", {}, False),
        ("AccountEndpoint=https://localhost.documents.azure.com:443/;AccountKey=k;", {}, True),
        ("DefaultEndpointsProtocol=https;AccountName=a;AccountKey=k", {}, True),
        (None, {"accountname": "a"}, True),
    ],
)
def test_only_services_on_this_machine_are_reached_without_looking_for_proxies(
    text: str | None, section: dict[str, str], uses_proxies: bool
) -> None:
    assert Connection("C", text, section).uses_proxies is uses_proxies


async def test_storage_is_reached_by_account_name_or_service_uri() -> None:
    for section, url in (
        ({"accountname": "acc"}, "https://acc.blob.core.windows.net/"),
        ({"blobserviceuri": "https://other.example/"}, "https://other.example/"),
    ):
        client = blob_service(Connection("S", None, section))
        assert client.url == url
        await client.close()
    with pytest.raises(MissingSetting, match="S__blobServiceUri is not set"):
        blob_service(Connection("S", None, {"credential": "managedidentity"}))
