"""`dead-letters list | show | replay`."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import track
from rich.table import Table

from operations.surroundings import FAILED, console, run
from shared.consumers.replay import replay as run_again
from shared.dead_letters.letter_box import LetterBox, ListedLetter
from shared.dead_letters.letters import DeadLetter
from shared.gateways.worker import Gateways
from shared.settings import Settings
from shared.telemetry.events import Reason

CONCURRENT_READS = 16
dead_letters = typer.Typer(help="What could not be taken, and running it again.", no_args_is_help=True)

SettingsFile = Annotated[Path, typer.Option("--settings", help="settings under the environment's own")]
Consumer = Annotated[str | None, typer.Option(help="only this consumer's: store, forward, twins…")]
Source = Annotated[str | None, typer.Option(help="only this hub's or container's; needs --consumer")]
WhyOption = Annotated[Reason | None, typer.Option("--reason", help="only those of this reason")]
Since = Annotated[str | None, typer.Option("--from", help="only those enqueued then or later, ISO 8601 in UTC")]
Until = Annotated[str | None, typer.Option("--to", help="only those enqueued before, ISO 8601 in UTC")]
Limit = Annotated[int, typer.Option(min=1, help="at most so many")]
LOCAL_SETTINGS = Path("local.settings.json")


@dataclass(frozen=True)
class Selection:
    """Which letters are meant."""

    prefix: str
    reason: Reason | None
    since: str | None
    until: str | None
    is_replayed_too: bool
    limit: int

    def takes(self, letter: DeadLetter) -> bool:
        """Canonical times sort as text; an option may be cut short, as 2026-11-22."""
        return (
            (self.reason is None or letter.reason == self.reason)
            and (self.since is None or letter.enqueued_time >= self.since)
            and (self.until is None or letter.enqueued_time < self.until)
        )


@dead_letters.command("list")
def list_letters(
    consumer: Consumer = None,
    source: Source = None,
    reason: WhyOption = None,
    since: Since = None,
    until: Until = None,
    replayed: Annotated[bool, typer.Option("--replayed", help="those replayed too")] = False,
    limit: Limit = 100,
    settings: SettingsFile = LOCAL_SETTINGS,
) -> None:
    """Shows dead letters, in the order of their names."""
    selection = Selection(_prefix(consumer, source), reason, since, until, replayed, limit)

    async def found(gateways: Gateways, _: Settings) -> list[DeadLetter]:
        return await _select(gateways.letter_box, selection)

    letters = run(found, settings)
    console.print(_table(letters))
    console.print(f"{len(letters)} dead letters" + (f" (stopped at {limit})" if len(letters) == limit else ""))


@dead_letters.command()
def show(
    name: Annotated[str, typer.Argument(help="as `list` shows it")], settings: SettingsFile = LOCAL_SETTINGS
) -> None:
    """Shows one dead letter as JSON, and its body as text."""

    async def read(gateways: Gateways, _: Settings) -> DeadLetter:
        return await gateways.letter_box.read(name)

    letter = run(read, settings)
    console.print_json(letter.to_json().decode())
    console.print(letter.body.decode(errors="backslashreplace"), markup=False, highlight=False)


@dead_letters.command()
def replay(
    names: Annotated[
        list[str] | None, typer.Argument(help="letters as `list` shows them; none: by the options")
    ] = None,
    consumer: Consumer = None,
    source: Source = None,
    reason: WhyOption = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 1000,
    settings: SettingsFile = LOCAL_SETTINGS,
) -> None:
    """Runs dead letters' elements again, under the ids they would have had, and marks them replayed."""
    selection = Selection(_prefix(consumer, source), reason, since, until, False, limit)

    async def replayed(gateways: Gateways, given: Settings) -> list[str]:
        box = gateways.letter_box
        letters = [await box.read(name) for name in names] if names else await _select(box, selection)
        return [await _replay(letter, gateways, given) for letter in track(letters, "Replaying", console=console)]

    results = run(replayed, settings)
    failed = [result for result in results if result]
    for name in failed:
        console.print(f"still dead: {name}", markup=False, soft_wrap=True)
    console.print(f"{len(results) - len(failed)} replayed, {len(failed)} still dead")
    if failed:
        raise typer.Exit(FAILED)


async def _replay(letter: DeadLetter, gateways: Gateways, given: Settings) -> str:
    """The letter's name if it is still dead, else nothing."""
    outcomes = await run_again(letter, gateways, given.analytics_route)
    return letter.name if any(outcome.dead_lettered for outcome in outcomes) else ""


def _prefix(consumer: str | None, source: str | None) -> str:
    if source and not consumer:
        raise typer.BadParameter("--source needs --consumer")
    return "".join(f"{part}/" for part in (consumer, source) if part)


async def _select(box: LetterBox, selection: Selection) -> list[DeadLetter]:
    """The first letters of a selection, read in small groups so that no more are read than are wanted."""
    selected: list[DeadLetter] = []
    group: list[ListedLetter] = []
    async for listed in box.list(selection.prefix):
        if listed.replayed_at and not selection.is_replayed_too:
            continue
        group.append(listed)
        if len(group) == CONCURRENT_READS:
            selected += await _read(box, group, selection)
            group = []
            if len(selected) >= selection.limit:
                break
    selected += await _read(box, group, selection)
    return selected[: selection.limit]


async def _read(box: LetterBox, listed: Sequence[ListedLetter], selection: Selection) -> list[DeadLetter]:
    letters = await asyncio.gather(*(box.read(each.name) for each in listed))
    return [letter for letter in letters if selection.takes(letter)]


def _table(letters: Sequence[DeadLetter]) -> Table:
    table = Table("enqueued", "reason", "device", "asset", "replayed", "name")
    for letter in letters:
        table.add_row(
            letter.enqueued_time,
            letter.reason,
            letter.device_id or "",
            letter.asset or "",
            letter.replayed_at or "",
            letter.name,
        )
    for column in table.columns[-1:]:
        column.overflow = "fold"
    return table
