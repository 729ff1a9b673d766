"""Asks every stage what it holds."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from operations.reconciliation.comparison import Element, Held, Partition, Row, compare, elements_of
from shared.consumers.forward import forward_documents
from shared.consumers.store import store
from shared.dead_letters.letters import STORE
from shared.gateways.worker import Gateways
from shared.telemetry.decoding import decode
from shared.topology import TELEMETRY_CONTAINER

CONCURRENT_PARTITIONS = 8
BATCH = 500
"""Events that are stored again at a time."""


async def survey(gateways: Gateways, start: datetime, end: datetime) -> list[Row]:
    """Compares the stages for what the telemetry hub took between two times. Raises Unavailable."""
    elements = elements_of(decode(await gateways.telemetry_hub.between(start, end)))
    stored = await _stored(gateways, elements)
    ids = sorted(stored)
    letters = {letter.name async for letter in gateways.letter_box.list(f"{STORE}/") if letter.replayed_at is None}
    held = Held(stored, letters, await gateways.database.in_bronze(ids), await gateways.database.in_readings(ids))
    return compare(elements, held)


async def mend(gateways: Gateways, rows: Sequence[Row]) -> tuple[int, int]:
    """Stores and forwards again what is missing: (messages stored again, events forwarded again).

    Ids are what they were, so whatever was only late is changed by nothing. Raises Unavailable.
    """
    events = list({id(each.event): each.event for row in rows for each in row.lost}.values())
    for begin in range(0, len(events), BATCH):
        batch = events[begin : begin + BATCH]
        await store(batch, decode(batch), gateways.telemetry, gateways.letter_box)
    forwarded = 0
    for partition, ids in _by_partition([each for row in rows for each in row.not_in_bronze]).items():
        documents = await gateways.telemetry.read(partition, ids)
        await forward_documents(documents, TELEMETRY_CONTAINER, gateways.analytics, gateways.letter_box)
        forwarded += len(documents)
    return len(events), forwarded


async def _stored(gateways: Gateways, elements: Sequence[Element]) -> set[str]:
    limit = asyncio.Semaphore(CONCURRENT_PARTITIONS)

    async def existing(partition: Partition, ids: list[str]) -> set[str]:
        async with limit:
            return await gateways.telemetry.existing(partition, ids)

    found = await asyncio.gather(*(existing(*each) for each in _by_partition(elements).items()))
    return set().union(*found)


def _by_partition(elements: Sequence[Element]) -> dict[Partition, list[str]]:
    partitions: dict[Partition, list[str]] = defaultdict(list)
    for element in elements:
        if element.partition is not None and element.event_id is not None:
            partitions[element.partition].append(element.event_id)
    return partitions
