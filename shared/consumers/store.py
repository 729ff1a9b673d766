"""store: telemetry hub → Cosmos DB. Every element is stored, was stored before, or is dead-lettered."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from shared.consumers.outcomes import Outcome, lag
from shared.dead_letters.letters import STORE, letter_of_rejection
from shared.telemetry.decoding import Decoded, Telemetry, by_partition
from shared.telemetry.documents import telemetry_document
from shared.telemetry.events import HubEvent, Reason, Rejection

if TYPE_CHECKING:
    from shared.dead_letters.letter_box import LetterBox
    from shared.gateways.cosmos import TelemetryContainer
    from shared.gateways.errors import Refused


async def store(
    events: Sequence[HubEvent], decoded: Decoded, container: "TelemetryContainer", letters: "LetterBox"
) -> Outcome:
    """Stores what a batch was decoded to. Raises Unavailable, and then the same batch is to be given again."""
    outcome = Outcome("store_telemetry", lag_seconds=lag(event.enqueued_time for event in events))
    outcome.messages = len(events)
    outcome.received = len(decoded.telemetry) + len(decoded.rejections)
    partitions = by_partition(decoded.telemetry)
    documents = {key: [telemetry_document(each) for each in elements] for key, elements in partitions.items()}
    created = await container.create(documents)
    distinct = sum(map(len, partitions.values()))
    outcome.stored = created.stored
    outcome.already_stored = created.already_stored + len(decoded.telemetry) - distinct
    rejections = [*decoded.rejections, *_refusals(created.refused, decoded.telemetry)]
    await letters.put([letter_of_rejection(STORE, rejection) for rejection in rejections])
    outcome.dead_lettered.update(rejection.reason for rejection in rejections)
    return outcome


def _refusals(refused: Iterable["Refused"], telemetry: Iterable[Telemetry]) -> list[Rejection]:
    """Documents that Cosmos DB will never take, as rejections of the elements they came from."""
    details = {refusal.document["id"]: refusal.detail for refusal in refused}
    elements = {each.event_id: each for each in telemetry if each.event_id in details}
    return [
        Rejection(
            each.event, each.element, Reason.STORE_REFUSED, details[event_id], each.device, each.asset, event_id, False
        )
        for event_id, each in elements.items()
    ]
