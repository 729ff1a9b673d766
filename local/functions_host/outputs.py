"""Which output bindings this host writes."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from azure.functions.meta import Datum

from local.functions_host.connections import STORAGE, find_connection
from local.functions_host.functions import Binding, Function
from local.functions_host.settings import MissingSetting, Settings

if TYPE_CHECKING:
    from local.functions_host.output_writers import Writers

SUPPORTED = frozenset({"http", "blob", "queue", "eventHub"})


def output_refusal(function: Function, settings: Settings) -> str | None:
    """Why this host can't write a function's outputs, if so."""
    for binding in function.outputs:
        if binding.direction == "in":
            return f"its input binding '{binding.name}' of type {binding.type} is not supported by this local host."
        if binding.type not in SUPPORTED:
            return (
                f"its output binding '{binding.name}' of type {binding.type} is not supported by this local host "
                f"(supported: {', '.join(sorted(SUPPORTED))}): use the service's SDK, or `func start`."
            )
        try:
            if binding.type != "http":
                find_connection(settings, binding.text("connection"), STORAGE)
                for key in ("path", "queueName", "eventHubName"):
                    settings.resolve(binding.text(key) or "")
        except MissingSetting as missing:
            return f"its output binding '{binding.name}': {missing}"
    return None


class Outputs:
    """Writes outputs; the services' SDKs are loaded with the first one."""

    def __init__(self, settings: Settings, queue_encoding: str) -> None:
        self._settings = settings
        self._queue_encoding = queue_encoding
        self._writers: Writers | None = None

    async def write(self, binding: Binding, datum: Datum, names: Mapping[str, str]) -> None:
        """Writes one output; `names` fill the `{name}`s of its path. Raises what the service's SDK raises."""
        if self._writers is None:
            from local.functions_host.output_writers import Writers

            self._writers = Writers(self._settings, self._queue_encoding)
        await self._writers.write(binding, datum, names)

    async def close(self) -> None:
        if self._writers is not None:
            await self._writers.close()
