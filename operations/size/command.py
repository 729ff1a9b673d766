"""`size --devices N --rate R`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from operations.size.facts import PRICES, read_measured, read_prices
from operations.size.fleet import Fleet, FleetMistake, rate_of
from operations.size.report import as_json, show
from operations.size.sizing import size
from operations.surroundings import MISTAKE, console, errors

Devices = Annotated[int, typer.Option(help="how many, 1 to 100 million")]
Rate = Annotated[str, typer.Option(help="messages a second of each device, such as 0.5, or 1/60 for one a minute")]
Bytes = Annotated[int | None, typer.Option("--bytes", help="of a message (default: as measured, three readings)")]
Readings = Annotated[int | None, typer.Option(help="in a message (default: 3, as measured)")]
Changed = Annotated[
    float, typer.Option(help="share of the messages that change a twin beyond its deadband; 0: no twins")
]
PriceList = Annotated[
    Path, typer.Option("--prices", show_default=False, help="your own, of the form of operations/size/prices.json")
]
AsJson = Annotated[bool, typer.Option("--json", help="everything, with the source of each figure")]


def size_fleet(
    devices: Devices,
    rate: Rate = "1/60",
    message_bytes: Bytes = None,
    readings: Readings = None,
    changed: Changed = 1.0,
    price_list: PriceList = PRICES,
    json_wanted: AsJson = False,
) -> None:
    """What a fleet needs in Azure: units, SKUs, what it costs a month, and where each limit bites (docs/sizing.md)."""
    measured = read_measured()
    try:
        fleet = Fleet(
            devices,
            rate_of(rate),
            measured.message_bytes if message_bytes is None else message_bytes,
            measured.readings if readings is None else readings,
            changed,
        )
        prices = read_prices(price_list)
        sizing = size(fleet, measured, prices)
    except FleetMistake as mistake:
        errors.print(str(mistake), markup=False, soft_wrap=True)
        raise typer.Exit(MISTAKE) from mistake
    if json_wanted:
        print(json.dumps(as_json(sizing, prices), indent=2))
    else:
        show(console, sizing, prices)
