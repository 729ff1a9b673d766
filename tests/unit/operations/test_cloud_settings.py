"""Settings for Azure: what azd knows, and nothing left of the local stack or of a key."""

import json
from pathlib import Path

import pytest

from operations.cloud_settings import FIXED, OF_THE_STACK, REQUIRED, read, with_cloud_settings, write_whole
from shared.settings import Settings, SettingsMistake

AZURE = {name: f"https://{name.lower()}.example" for name in REQUIRED}
STACK = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "EventHubs": "Endpoint=sb://127.0.0.1;SharedAccessKey=SAS_KEY_VALUE",
    "CosmosDB": "AccountEndpoint=http://127.0.0.1:8081/;AccountKey=a2V5",
    "AZURE_CLIENT_ID": "somebody else",
    "MY_OWN": "stays",
    **dict.fromkeys(OF_THE_STACK, "local"),
}


def test_settings_point_at_azure_and_hold_no_key() -> None:
    values = with_cloud_settings({"Values": STACK}, AZURE)["Values"]

    assert values == {"MY_OWN": "stays", **FIXED, **AZURE}


def test_the_app_takes_what_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    values = with_cloud_settings({}, {**AZURE, "ANALYTICS_ROUTE": "parallel"})["Values"]

    settings = Settings.model_validate(values)

    assert settings.analytics_route == "parallel"
    assert settings.event_hubs is None
    assert settings.event_hubs_namespace == AZURE["EventHubs__fullyQualifiedNamespace"]


def test_everything_else_in_the_file_stays(tmp_path: Path) -> None:
    file = tmp_path / "local.settings.json"
    file.write_text(json.dumps({"IsEncrypted": False, "Host": {"LocalHttpPort": 7072}, "Values": {}}))

    write_whole(file, with_cloud_settings(read(file), AZURE))

    assert json.loads(file.read_text())["Host"] == {"LocalHttpPort": 7072}
    assert [path.name for path in tmp_path.iterdir()] == ["local.settings.json"]


@pytest.mark.parametrize("name", REQUIRED)
def test_what_the_environment_lacks_is_named(name: str) -> None:
    with pytest.raises(SettingsMistake, match=name):
        with_cloud_settings({}, {key: value for key, value in AZURE.items() if key != name})


@pytest.mark.parametrize("content", ["{", "[]", '{"Values": []}'])
def test_a_file_that_is_no_settings_file_is_left_alone(tmp_path: Path, content: str) -> None:
    file = tmp_path / "local.settings.json"
    file.write_text(content)

    with pytest.raises(SettingsMistake, match="mend it"):
        read(file)
    assert file.read_text() == content
