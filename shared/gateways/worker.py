"""The gateways of one worker: each built when it is first asked for, and once."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

from shared import topology
from shared.settings import Settings, SettingsMistake, settings

if TYPE_CHECKING:
    from azure.identity.aio import DefaultAzureCredential

    from shared.dead_letters.letter_box import LetterBox
    from shared.gateways.blobs import LetterContainer
    from shared.gateways.cosmos import TelemetryContainer
    from shared.gateways.digital_twins import TwinGraph
    from shared.gateways.event_hubs import AnalyticsHub
    from shared.gateways.kusto import AnalyticsDatabase
    from shared.gateways.telemetry_hub import TelemetryHub
    from shared.twins.memory import TwinMemory


class Gateways:
    """The services that the settings name. The SDKs are imported with the first use, not with the app."""

    def __init__(self, given: Settings) -> None:
        self._settings = given
        self._closing: list[Callable[[], Awaitable[None]]] = []

    @cached_property
    def telemetry(self) -> "TelemetryContainer":
        from shared.gateways.cosmos import TelemetryContainer, cosmos_client

        given = self._settings
        credential = None if given.cosmos else self._credential
        client = cosmos_client(given.cosmos, given.cosmos_endpoint, credential)
        container = TelemetryContainer(client, given.cosmos_database, topology.TELEMETRY_CONTAINER)
        self._closing.append(container.close)
        return container

    @cached_property
    def analytics(self) -> "AnalyticsHub":
        from shared.gateways.event_hubs import LANES, AnalyticsHub, producer_client

        given = self._settings
        credential = None if given.event_hubs else self._credential
        lanes = [
            producer_client(given.event_hubs, given.event_hubs_namespace, given.analytics_hub, credential)
            for _ in range(LANES)
        ]
        hub = AnalyticsHub(lanes)
        self._closing.append(hub.close)
        return hub

    @cached_property
    def telemetry_hub(self) -> "TelemetryHub":
        from shared.gateways.telemetry_hub import TelemetryHub, consumer_client

        given = self._settings
        credential = None if given.event_hubs else self._credential
        client = consumer_client(given.event_hubs, given.event_hubs_namespace, given.telemetry_hub, credential)
        hub = TelemetryHub(client, given.telemetry_hub)
        self._closing.append(hub.close)
        return hub

    @cached_property
    def database(self) -> "AnalyticsDatabase":
        """Raises SettingsMistake when no setting says where Data Explorer is."""
        from shared.gateways.kusto import AnalyticsDatabase, kusto_client

        if self._settings.kusto_uri is None:
            raise SettingsMistake("App settings: KUSTO_URI is missing.")
        client = kusto_client(self._settings.kusto_uri, self._settings.client_id)
        database = AnalyticsDatabase(client, self._settings.kusto_database)
        self._closing.append(database.close)
        return database

    @cached_property
    def twins(self) -> "TwinGraph":
        """Raises SettingsMistake when no setting says where Digital Twins is."""
        from shared.gateways.digital_twins import TwinGraph, twins_client
        from shared.twins.pacing import rates_of

        given = self._settings
        if given.digital_twins_url is None:
            raise SettingsMistake("App settings: DIGITAL_TWINS_URL is missing.")
        client = twins_client(given.digital_twins_url, self._credential)
        graph = TwinGraph(client, rates_of(given.digital_twins_url, given.twin_patches_per_second))
        self._closing.append(graph.close)
        return graph

    @property
    def twin_memory(self) -> "TwinMemory":
        from shared.twins.memory import memory_of

        return memory_of(self._settings.digital_twins_url or "")

    @property
    def has_twins(self) -> bool:
        return self._settings.digital_twins_url is not None

    @property
    def makes_twins(self) -> bool:
        """Whether a missing twin is made."""
        return self._settings.twin_auto_provision

    @cached_property
    def letters(self) -> "LetterContainer":
        from shared.gateways.blobs import LetterContainer, blob_client

        given = self._settings
        url = given.storage_blobs or f"https://{given.storage_account}.blob.core.windows.net"
        client = blob_client(given.storage, url, None if given.storage else self._credential)
        container = LetterContainer(client, given.dead_letter_container)
        self._closing.append(container.close)
        return container

    @cached_property
    def letter_box(self) -> "LetterBox":
        from shared.dead_letters.letter_box import LetterBox

        return LetterBox(self.letters)

    @cached_property
    def _credential(self) -> "DefaultAzureCredential":
        from azure.identity.aio import DefaultAzureCredential

        credential = DefaultAzureCredential(managed_identity_client_id=self._settings.client_id)
        self._closing.append(credential.close)
        return credential

    async def close(self) -> None:
        """Closes what was built, the credential last."""
        while self._closing:
            await self._closing.pop()()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


_of_loop: dict[asyncio.AbstractEventLoop, Gateways] = {}


def gateways() -> Gateways:
    """This worker's gateways. A client belongs to the event loop that it was made in, and a worker has one."""
    loop = asyncio.get_running_loop()
    if loop not in _of_loop:
        _of_loop.clear()
        _of_loop[loop] = Gateways(settings())
    return _of_loop[loop]
