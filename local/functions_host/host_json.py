"""host.json: what of it this host follows, with the real defaults.

Sources: Microsoft Learn, "host.json reference for Azure Functions 2.x and later"; the Event Hubs extension's
EventHubOptions. Any value can be overridden by an app setting `AzureFunctionsJobHost__<path with __>`.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from local.functions_host.durations import parse_duration
from local.process import UserMistake

_OVERRIDE = "AzureFunctionsJobHost__"


def _duration(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _squeezed(name: str) -> str:
    return name.replace("_", "")


TimeSpan = Annotated[timedelta, BeforeValidator(_duration)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=_squeezed, populate_by_name=True)


class InitialOffset(_Section):
    """Where a partition without a checkpoint starts."""

    type: Annotated[Literal["fromstart", "fromend", "fromenqueuedtime", ""], BeforeValidator(_lower)] = "fromstart"
    enqueued_time_utc: datetime | Literal[""] | None = None


class ClientRetries(_Section):
    """How the Event Hubs client retries."""

    mode: Annotated[Literal["exponential", "fixed"], BeforeValidator(_lower)] = "exponential"
    delay: TimeSpan = timedelta(seconds=0.8)
    maximum_delay: TimeSpan = timedelta(minutes=1)
    maximum_retries: int = Field(default=3, ge=0)
    try_timeout: TimeSpan = timedelta(minutes=1)


class EventHubOptions(_Section):
    """extensions.eventHubs."""

    max_event_batch_size: int = Field(default=100, ge=1)
    min_event_batch_size: int = Field(default=1, ge=1)
    max_wait_time: TimeSpan = timedelta(seconds=60)
    prefetch_count: int = Field(default=300, ge=0)
    batch_checkpoint_frequency: int = Field(default=1, ge=1)
    enable_checkpointing: bool = True
    initial_offset_options: InitialOffset = InitialOffset()
    client_retry_options: ClientRetries = ClientRetries()
    load_balancing_update_interval: TimeSpan = timedelta(seconds=30)
    partition_ownership_expiration_interval: TimeSpan = timedelta(minutes=2)


class HttpOptions(_Section):
    """extensions.http."""

    route_prefix: str = "api"


class BlobOptions(_Section):
    """extensions.blobs."""

    max_degree_of_parallelism: int = Field(default=8, ge=1)
    poison_blob_threshold: int = Field(default=5, ge=1)


class QueueOptions(_Section):
    """extensions.queues: how output messages are written."""

    message_encoding: Annotated[Literal["base64", "none"], BeforeValidator(_lower)] = "base64"


class SingletonOptions(_Section):
    """The listener lock of timers. Blob leases last 15 to 60 seconds."""

    listener_lock_period: TimeSpan = timedelta(seconds=60)
    listener_lock_recovery_polling_interval: TimeSpan = timedelta(seconds=60)


class RetryOptions(_Section):
    """A retry policy as host.json and bindings write it."""

    strategy: Annotated[Literal["fixeddelay", "exponentialbackoff"], BeforeValidator(_lower)]
    max_retry_count: int = Field(ge=-1)
    delay_interval: TimeSpan | None = None
    minimum_interval: TimeSpan | None = None
    maximum_interval: TimeSpan | None = None


class _Extensions(_Section):
    event_hubs: EventHubOptions = EventHubOptions()
    http: HttpOptions = HttpOptions()
    blobs: BlobOptions = BlobOptions()
    queues: QueueOptions = QueueOptions()


class _Logging(_Section):
    log_level: dict[str, str] = {}


class HostOptions(_Section):
    """host.json as a whole. `function_timeout` None: without end."""

    version: Literal["2.0"] = "2.0"
    extensions: _Extensions = _Extensions()
    function_timeout: TimeSpan | None = None
    retry: RetryOptions | None = None
    logging: _Logging = _Logging()
    singleton: SingletonOptions = SingletonOptions()


def read_host_options(app: Path, environment: Mapping[str, str]) -> HostOptions:
    """The app's host.json with the environment's overrides. Raises UserMistake: missing, not JSON, or a wrong value."""
    path = app / "host.json"
    if not path.exists():
        raise UserMistake(f"{app} has no host.json: is it a Functions app? Give its folder with --app.")
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise UserMistake(f"{path} is not valid JSON: {error}.") from error
    if not isinstance(document, dict):
        raise UserMistake(f"{path} must hold a JSON object.")
    document = _without_case(document)
    for name, value in environment.items():
        if name.startswith(_OVERRIDE):
            _override(document, name.removeprefix(_OVERRIDE).lower().split("__"), value)
    if document.get("functiontimeout") == "-1":
        document["functiontimeout"] = None
    try:
        return HostOptions.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UserMistake(f"{path}: {place}: {first['msg'].removeprefix('Value error, ')}") from error


def _without_case(value: Any) -> Any:
    """.NET configuration keys ignore case."""
    if isinstance(value, dict):
        return {key.lower(): _without_case(inner) for key, inner in value.items()}
    return value


def _override(document: dict[str, Any], path: list[str], value: str) -> None:
    for key in path[:-1]:
        inner = document.setdefault(key, {})
        if not isinstance(inner, dict):
            return
        document = inner
    document[path[-1]] = value
