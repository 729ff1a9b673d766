"""Every app setting, typed, in one place; the same names in Azure and on the laptop.

A connection is one setting with a connection string, or, keyless, `NAME__fullyQualifiedNamespace` and the like with
a managed identity: the forms that the Functions triggers themselves take (Functions developer guide, Connections).
"""

import os
from functools import lru_cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from shared import topology

Route = Literal["change-feed", "parallel"]


class SettingsMistake(Exception):
    """What is missing or wrong in the app settings: one message that names every one of them."""


def _setting(name: str, **rest: Any) -> Any:
    return Field(validation_alias=name, **rest)


class Settings(BaseModel):
    """The app's settings. Fields are named in Python's way; `validation_alias` is the setting's name.

    No pydantic-settings: its import costs a cold worker 13 ms, a ninth of what the whole app may take, for what one
    line of read_settings does.
    """

    model_config = ConfigDict(frozen=True)

    storage: str | None = _setting(
        "AzureWebJobsStorage", default=None, pattern="(?i)(AccountName|BlobEndpoint)=|^UseDevelopmentStorage=true"
    )
    storage_account: str | None = _setting("AzureWebJobsStorage__accountName", default=None)
    storage_blobs: str | None = _setting("AzureWebJobsStorage__blobServiceUri", default=None, pattern="^https?://")
    client_id: str | None = _setting("AZURE_CLIENT_ID", default=None)
    event_hubs: str | None = _setting("EventHubs", default=None, pattern="(?i)Endpoint=sb://.+;SharedAccess")
    event_hubs_namespace: str | None = _setting("EventHubs__fullyQualifiedNamespace", default=None)
    cosmos: str | None = _setting("CosmosDB", default=None, pattern="(?i)AccountEndpoint=https?://.+;AccountKey=")
    cosmos_endpoint: str | None = _setting("CosmosDB__accountEndpoint", default=None, pattern="^https?://")

    telemetry_hub: str = _setting("TELEMETRY_HUB", description="no default: the trigger bindings read it themselves")
    analytics_hub: str = _setting("ANALYTICS_HUB", default=topology.ANALYTICS_HUB)
    twin_events_hub: str = _setting("TWIN_EVENTS_HUB", default=topology.TWIN_EVENTS_HUB)
    twin_history_hub: str = _setting("TWIN_HISTORY_HUB", default=topology.TWIN_HISTORY_HUB)
    cosmos_database: str = _setting("COSMOS_DATABASE", description="no default: the trigger bindings read it too")
    dead_letter_container: str = _setting("DEAD_LETTER_CONTAINER", default=topology.DEAD_LETTER_CONTAINER)
    analytics_route: Route = _setting(
        "ANALYTICS_ROUTE",
        default="change-feed",
        description="who sends analytics events: forward_changes from stored documents, or forward_telemetry beside",
    )
    digital_twins_url: str | None = _setting(
        "DIGITAL_TWINS_URL",
        default=None,
        pattern="^https?://",
        description="without it there are no twins: update_twins and propagate_twins are not registered",
    )
    twin_auto_provision: bool = _setting(
        "TWIN_AUTO_PROVISION",
        default=True,
        description="whether a missing twin is made from its kind, or the asset's telemetry dead-lettered",
    )
    twin_patches_per_second: int = _setting(
        "TWIN_PATCHES_PER_SECOND",
        default=1000,
        ge=10,
        description="what the Digital Twins instance takes of all workers together",
    )
    kusto_uri: str | None = _setting("KUSTO_URI", default=None, pattern="^https?://")
    kusto_ingest_uri: str | None = _setting("KUSTO_INGEST_URI", default=None, pattern="^https?://")
    kusto_database: str = _setting("KUSTO_DATABASE", default=topology.KUSTO_DATABASE)
    application_insights: str | None = _setting("APPLICATIONINSIGHTS_CONNECTION_STRING", default=None)


_CONNECTIONS = (
    ("AzureWebJobsStorage", "AzureWebJobsStorage__accountName", "AzureWebJobsStorage__blobServiceUri"),
    ("EventHubs", "EventHubs__fullyQualifiedNamespace"),
    ("CosmosDB", "CosmosDB__accountEndpoint"),
)
"""The forms of each connection, of which one is needed."""


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read once. Raises SettingsMistake."""
    return read_settings()


def read_settings() -> Settings:
    """The settings in the environment, where an empty one counts as none.

    Raises SettingsMistake, which names all that is missing or wrong.
    """
    mistakes = [
        f"{forms[0]} is missing (or, keyless, {' or '.join(forms[1:])})"
        for forms in _CONNECTIONS
        if not any(os.environ.get(form) for form in forms)
    ]
    found = None
    try:
        found = Settings.model_validate({name: value for name, value in os.environ.items() if value})
    except ValidationError as error:
        mistakes += [_mistake(each) for each in error.errors()]
    if os.environ.get("DIGITAL_TWINS_URL") and not os.environ.get("TWIN_EVENTS_HUB"):
        mistakes.append("TWIN_EVENTS_HUB is missing: with DIGITAL_TWINS_URL, the binding of propagate_twins reads it")
    if mistakes or found is None:
        raise SettingsMistake("App settings: " + "; ".join(sorted(mistakes)) + ".")
    return found


def _mistake(error: ErrorDetails) -> str:
    """One mistake in a sentence's part; a connection's value may hold a key, so it is not shown."""
    name = str(error["loc"][0])
    if error["type"] == "missing":
        return f"{name} is missing"
    if any(name in forms for forms in _CONNECTIONS):
        return f"{name} is wrong: its value does not match {error['ctx']['pattern']}"
    return f"{name} is {error['input']!r}: {error['msg']}"
