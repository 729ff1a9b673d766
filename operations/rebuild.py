"""`rebuild silver | gold | adx`: makes a layer anew from the one before it."""

from collections.abc import AsyncIterator, Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from operations.surroundings import console, run
from shared.consumers.forward import forward_documents
from shared.gateways.worker import Gateways
from shared.settings import Settings
from shared.topology import TELEMETRY_CONTAINER

GOLD = Path(__file__).resolve().parent.parent / "kql" / "030-gold.kql"
PAGE = 1_000
"""Documents that are forwarded at a time, as the change feed gives them."""
_CREATE = ".create ifnotexists materialized-view with ("
_BACKFILLED = ".create async ifnotexists materialized-view with (backfill = true, "


class Layer(StrEnum):
    """What to make anew."""

    SILVER = "silver"
    GOLD = "gold"
    ADX = "adx"


def rebuild(
    layer: Annotated[Layer, typer.Argument(help="silver from Bronze, gold from Silver, adx from Cosmos DB")],
    settings_file: Annotated[Path, typer.Option("--settings")] = Path("local.settings.json"),
) -> None:
    """Make a layer of the analytics database anew. Running it again, or while events come in, does no harm.

    silver: Silver is replaced by what bronze_to_silver() makes of Bronze. gold: the views are dropped and made again
    over what Silver holds. adx: every document of Cosmos DB is sent to the analytics hub again; Readings keeps each
    reading once, whatever was there before.
    """

    async def rebuilt(gateways: Gateways, settings: Settings) -> None:
        if layer is Layer.SILVER:
            await gateways.database.command(".set-or-replace Silver <| bronze_to_silver()")
        elif layer is Layer.GOLD:
            for command in gold_commands(GOLD.read_text()):
                is_filling = command.startswith(_BACKFILLED)
                await (gateways.database.async_command if is_filling else gateways.database.command)(command)
        else:
            await _forward_all(gateways)

    run(rebuilt, settings_file)
    console.print(f"{layer} is rebuilt.")


def gold_commands(script: str) -> list[str]:
    """The commands that drop the script's views, the last one first, and make them again with what is there."""
    commands = [block for block in _blocks(script) if block.startswith(".")]
    views = [_view_name(each) for each in commands if each.startswith(_CREATE)]
    drops = [f".drop materialized-view {name} ifexists" for name in reversed(views)]
    return [*drops, *(each.replace(_CREATE, _BACKFILLED) for each in commands)]


def _blocks(script: str) -> Iterable[str]:
    """A script's commands, without its comments: they stand apart by empty lines (docs/analytics-database.md)."""
    for block in script.split("\n\n"):
        yield "\n".join(line for line in block.splitlines() if not line.startswith("//")).strip()


def _view_name(command: str) -> str:
    return command.split(") ", 1)[1].split(" ", 1)[0]


async def _forward_all(gateways: Gateways) -> None:
    with Progress(console=console) as progress:
        task = progress.add_task("Forwarding", total=None)
        async for page in _pages(gateways.telemetry.all()):
            await forward_documents(page, TELEMETRY_CONTAINER, gateways.analytics, gateways.letter_box)
            progress.advance(task, len(page))


async def _pages(documents: AsyncIterator[Any]) -> AsyncIterator[list[Any]]:
    page: list[Any] = []
    async for document in documents:
        page.append(document)
        if len(page) == PAGE:
            yield page
            page = []
    if page:
        yield page
