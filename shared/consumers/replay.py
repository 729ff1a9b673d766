"""Running a dead letter again: the same handlers on the letter's own bytes, so the same ids, and no new hub event."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from shared.consumers.forward import forward_documents, forward_telemetry
from shared.consumers.outcomes import Outcome
from shared.consumers.store import store
from shared.dead_letters.letters import FORWARD, PROPAGATE, STORE, TWINS, DeadLetter, NotALetter
from shared.gateways.worker import Gateways
from shared.telemetry.decoding import Decoded, decode
from shared.telemetry.events import HubEvent, Reason

if TYPE_CHECKING:
    from shared.settings import Route


async def replay(letter: DeadLetter, gateways: Gateways, route: "Route") -> list[Outcome]:
    """Runs a letter's element again and marks the letter replayed if nothing of it was dead-lettered anew.

    An element that could not be decoded was missed by every consumer of its hub, so all take it now; one that a
    single consumer could not take is that consumer's. Raises NotALetter for a consumer not known here, Unavailable.
    """
    outcomes = [await _run(consumer, letter, gateways) for consumer in _consumers(letter, gateways, route)]
    if not any(outcome.dead_lettered for outcome in outcomes):
        await gateways.letter_box.mark_replayed(letter)
    return outcomes


def _consumers(letter: DeadLetter, gateways: Gateways, route: "Route") -> Iterable[str]:
    if letter.consumer != STORE or letter.reason == Reason.STORE_REFUSED:
        return (letter.consumer,)
    forward = (FORWARD,) if route == "parallel" else ()
    twins = (TWINS,) if gateways.has_twins else ()
    return (STORE, *forward, *twins)


async def _run(consumer: str, letter: DeadLetter, gateways: Gateways) -> Outcome:
    if consumer == FORWARD and letter.sequence_number is None:
        return await forward_documents([letter.document()], letter.source, gateways.analytics, gateways.letter_box)
    event = letter.event()
    if consumer == PROPAGATE:
        return await _propagate(event, gateways)
    decoded = _of_letter(decode([event]), letter)
    if consumer == STORE:
        return await store([event], decoded, gateways.telemetry, gateways.letter_box)
    if consumer == FORWARD:
        return await forward_telemetry([event], decoded, gateways.analytics, gateways.letter_box)
    if consumer == TWINS:
        return await _update_twins(event, decoded, gateways)
    raise NotALetter(f"{letter.name}: no consumer {consumer!r}")


async def _update_twins(event: HubEvent, decoded: Decoded, gateways: Gateways) -> Outcome:
    from shared.consumers.twins import update_twins

    return await update_twins([event], decoded, gateways)


async def _propagate(event: HubEvent, gateways: Gateways) -> Outcome:
    from shared.consumers.propagation import propagate_twins

    return await propagate_twins([event], gateways)


def _of_letter(decoded: Decoded, letter: DeadLetter) -> Decoded:
    """What a letter is about: the whole message, or one element of its array."""
    if letter.whole:
        return decoded
    return Decoded(
        [each for each in decoded.telemetry if each.element == letter.element],
        [each for each in decoded.rejections if each.whole or each.element == letter.element],
    )
