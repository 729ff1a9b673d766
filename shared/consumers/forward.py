"""forward: stored documents, or the telemetry hub itself, → the analytics hub.

Both ways send the same bytes under the same ids, so that Data Explorer can tell what it has had before.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shared.consumers.outcomes import Outcome, lag
from shared.dead_letters.letters import FORWARD, letter_of_document, letter_of_telemetry
from shared.telemetry.analytics import AnalyticsEvent, analytics_event
from shared.telemetry.decoding import Decoded
from shared.telemetry.documents import forwarded_event
from shared.telemetry.events import HubEvent, Reason, Rejected
from shared.telemetry.timestamps import moment

if TYPE_CHECKING:
    from shared.dead_letters.letter_box import LetterBox
    from shared.gateways.event_hubs import AnalyticsHub

Document = Mapping[str, Any]


async def forward_documents(
    documents: Sequence[Document], container: str, hub: "AnalyticsHub", letters: "LetterBox"
) -> Outcome:
    """Forwards a page of the change feed. Raises Unavailable, and then the same page is to be given again."""
    outcome = Outcome("forward_changes", messages=len(documents), received=len(documents))
    outcome.lag_seconds = lag(moment(each["enqueuedTime"]) for each in documents if _has_time(each))
    events: list[AnalyticsEvent] = []
    sources: dict[str, Document] = {}
    rejected: list[tuple[Document, Rejected]] = []
    for document in documents:
        try:
            event = forwarded_event(document)
        except Rejected as rejection:
            rejected.append((document, rejection))
            continue
        events.append(event)
        sources[event.event_id] = document
    too_large = await hub.send(events)
    rejected += [(sources[event.event_id], _too_large(event)) for event in too_large]
    await letters.put([letter_of_document(FORWARD, container, document, why) for document, why in rejected])
    outcome.forwarded = len(events) - len(too_large)
    outcome.dead_lettered.update(why.reason for _, why in rejected)
    return outcome


async def forward_telemetry(
    events: Sequence[HubEvent], decoded: Decoded, hub: "AnalyticsHub", letters: "LetterBox"
) -> Outcome:
    """Forwards a batch of the telemetry hub. What can't be decoded is `store`'s to dead-letter: counted and passed.

    Raises Unavailable, and then the same batch is to be given again.
    """
    outcome = Outcome("forward_telemetry", lag_seconds=lag(event.enqueued_time for event in events))
    outcome.messages = len(events)
    outcome.received = len(decoded.telemetry) + len(decoded.rejections)
    outcome.passed = len(decoded.rejections)
    distinct = {element.event_id: element for element in decoded.telemetry}
    outcome.already_stored = len(decoded.telemetry) - len(distinct)
    too_large = await hub.send([analytics_event(element) for element in distinct.values()])
    written = [letter_of_telemetry(FORWARD, distinct[event.event_id], _too_large(event)) for event in too_large]
    await letters.put(written)
    outcome.forwarded = len(distinct) - len(too_large)
    outcome.dead_lettered.update(letter.reason for letter in written)
    return outcome


def _too_large(event: AnalyticsEvent) -> Rejected:
    return Rejected(Reason.TOO_LARGE, f"the analytics event has {len(event.body)} bytes, more than one batch takes")


def _has_time(document: Document) -> bool:
    try:
        return bool(moment(document["enqueuedTime"]))
    except (KeyError, TypeError, ValueError):
        return False
