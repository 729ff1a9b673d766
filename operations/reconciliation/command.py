"""`reconcile --from --to [--fix]`."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from operations.reconciliation.comparison import Row
from operations.reconciliation.survey import mend, survey
from operations.surroundings import FAILED, console, run
from shared.gateways.worker import Gateways
from shared.settings import Settings


def utc(text: str) -> datetime:
    """ISO 8601; without an offset it is UTC. Raises typer.BadParameter."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text} is not ISO 8601, such as 2025-02-04T11:00:00Z.") from error
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


From = Annotated[
    datetime | None, typer.Option("--from", parser=utc, metavar="TIME", help="ISO 8601 (default: 24 hours ago)")
]
To = Annotated[datetime | None, typer.Option("--to", parser=utc, metavar="TIME", help="ISO 8601 (default: now)")]
Fix = Annotated[bool, typer.Option("--fix", help="store and forward again what is missing; changes nothing else")]
SettingsFile = Annotated[Path, typer.Option("--settings", help="settings under the environment's own")]


def reconcile(
    since: From = None, until: To = None, fix: Fix = False, settings_file: SettingsFile = Path("local.settings.json")
) -> None:
    """Compare what the hub has accepted with what is stored, dead-lettered, in Bronze and in Readings.

    Ends with 0 when there is no gap, else with 1.
    """
    end = until or datetime.now(UTC)
    start = since or end - timedelta(hours=24)

    async def reconciled(gateways: Gateways, settings: Settings) -> list[Row]:
        rows = await survey(gateways, start, end)
        if fix and any(row.has_gap for row in rows):
            stored, forwarded = await mend(gateways, rows)
            console.print(f"{stored:,} messages stored again, {forwarded:,} events forwarded again.")
        return rows

    rows = run(reconciled, settings_file)
    _show(rows, start, end)
    if any(row.has_gap for row in rows):
        raise typer.Exit(FAILED)


def _show(rows: Sequence[Row], start: datetime, end: datetime) -> None:
    table = Table(title=f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC", title_justify="left")
    table.add_column("hour")
    table.add_column("device", overflow="fold")
    for heading in ("accepted", "stored", "dead-lettered", "Bronze", "Readings"):
        table.add_column(heading, justify="right")
    table.add_column("gap")
    for row in rows:
        counts = (row.accepted, row.stored, row.lettered, row.bronze, row.readings)
        table.add_row(f"{row.hour:%m-%d %H:00}", row.device, *(f"{count:,}" for count in counts), _gap(row))
    console.print(table)
    gaps = sum(row.has_gap for row in rows)
    accepted = sum(row.accepted for row in rows)
    console.print(f"{accepted:,} elements accepted; {'no gap' if not gaps else f'{gaps} rows with a gap'}.")


def _gap(row: Row) -> str:
    wrong = (
        (row.lost, "neither stored nor dead-lettered"),
        (row.doubled, "stored and dead-lettered"),
        (row.not_in_bronze, "not in Bronze"),
        (row.not_in_readings, "not in Readings"),
    )
    return ", ".join(f"[red]{len(elements):,} {what}[/]" for elements, what in wrong if elements)
