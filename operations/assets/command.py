"""`assets drift`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from operations.assets.comparison import Drift, Twin, asset_twins, drifts, idle_rules
from operations.surroundings import FAILED, console, run
from shared.gateways.worker import Gateways
from shared.settings import Settings
from shared.twins.registry import registry

ALL_TWINS = "SELECT * FROM digitaltwins"
assets = typer.Typer(help="The asset registry, assets.json.", no_args_is_help=True)


@assets.callback()
def group() -> None:
    """The asset registry, assets.json."""


@assets.command()
def drift(
    settings_file: Annotated[Path, typer.Option("--settings", help="settings under the environment's own")] = Path(
        "local.settings.json"
    ),
) -> None:
    """Compare the registry with the assets and tags in Readings and in the twin graph, in both directions.

    Ends with 0 when they agree, else with 1. Tags of every kind (`tags` in assets.json) need not be sent by each asset,
    and a pattern need not have assets: those without are only named.
    """

    async def surveyed(gateways: Gateways, _: Settings) -> tuple[dict[str, set[str]], list[Twin]]:
        readings: dict[str, set[str]] = {}
        for asset, tag in await gateways.database.tags():
            readings.setdefault(asset, set()).add(tag)
        return readings, asset_twins([row async for row in gateways.twins.query(ALL_TWINS)], registry())

    readings, twins = run(surveyed, settings_file)
    found = drifts(registry(), readings, twins)
    _show(found)
    known = readings.keys() | {twin.asset for twin in twins}
    idle = idle_rules(registry(), known)
    console.print(
        f"{len(known):,} assets, {len(twins):,} twins: {f'{len(found):,} differences' if found else 'no drift'}."
    )
    if idle:
        console.print(f"No asset is of these patterns: {', '.join(idle)}", markup=False)
    if found:
        raise typer.Exit(FAILED)


def _show(found: Sequence[Drift]) -> None:
    if not found:
        return
    table = Table("asset", "tag", "finding")
    table.columns[0].overflow = "fold"
    for each in found:
        table.add_row(*each)
    console.print(table)
