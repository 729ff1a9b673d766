"""A sizing as tables for a terminal, as JSON, and as the Markdown of docs/sizing.md."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from operations.size.facts import Prices
from operations.size.parts import Part, Use
from operations.size.sizing import Bite, Sizing


def show(console: Console, sizing: Sizing, prices: Prices) -> None:
    fleet = sizing.fleet
    console.print(
        f"{fleet.devices:,} {'device' if fleet.devices == 1 else 'devices'}, "
        f"{_number(fleet.rate)} messages a second each: "
        f"{_number(fleet.devices * fleet.rate)}/s of {fleet.message_bytes:,} bytes with {fleet.readings} readings."
    )
    console.print(f"[bold]{_deployments(sizing)}, about ${sizing.dollars:,.0f} a month.[/]\n")
    console.print(_parts(sizing.parts))
    console.print(_limits(sizing))
    for note in sizing.notes:
        console.print(note)
    console.print(
        f"Prices: {prices.region}, {prices.currency}, list prices of {prices.as_of}, without free grants and "
        "discounts. Sources: --json, docs/sizing.md."
    )


def as_json(sizing: Sizing, prices: Prices) -> dict[str, Any]:
    """Everything, with the source of each figure, limit and price."""
    fleet = sizing.fleet
    return {
        "fleet": {
            "devices": fleet.devices,
            "rate": fleet.rate,
            "messageBytes": fleet.message_bytes,
            "readings": fleet.readings,
            "changed": fleet.changed,
        },
        "deployments": sizing.deployments,
        "devicesEach": sizing.devices_each,
        "dollarsAMonth": round(sizing.dollars, 2),
        "prices": {"asOf": prices.as_of, "region": prices.region, "currency": prices.currency},
        "oneDeployment": [_part(part) for part in sizing.parts],
        "limits": [_bite(bite) for bite in sizing.bites],
        "notes": sizing.notes,
    }


def markdown(sizings: Iterable[Sizing]) -> str:
    """One row for each fleet."""
    headings = (
        "devices",
        "messages/s",
        "deployments",
        "IoT Hub",
        "TU",
        "partitions",
        "RU/s, most",
        "Functions instances",
        "twin operations/s",
        "Data Explorer",
        "$ a month",
        "$ a device",
        "nearest limit, used",
    )
    lines = [f"| {' | '.join(headings)} |", "|" + "---:|" * 3 + "---|" + "---:|" * 5 + "---|" + "---:|" * 2 + "---|"]
    return "\n".join([*lines, *map(_row, sizings)]) + "\n"


def _row(sizing: Sizing) -> str:
    figures = {figure.name: figure.value for part in sizing.parts for figure in part.figures}
    fleet, hub = sizing.fleet, f"{figures['units']} × {figures['edition']}"
    cells = (
        f"{fleet.devices:,}",
        _number(fleet.devices * fleet.rate),
        f"{sizing.deployments:,}",
        hub,
        _number(figures["throughput units"]),
        _number(figures["partitions of each hub"]),
        "serverless" if figures["throughput"] == "serverless" else _number(figures["RU/s, most"]),
        _number(figures["instances of 2,048 MB"]),
        _number(figures["operations/s"]),
        f"{figures['nodes']} × {str(figures['SKU']).removeprefix('Standard_')}",
        f"{sizing.dollars:,.0f}",
        f"{sizing.dollars / fleet.devices:,.2f}",
        _nearest(sizing),
    )
    return f"| {' | '.join(cells)} |"


def first_limits(sizing: Sizing) -> list[Bite]:
    """The limits that one deployment meets, the nearest first."""
    biting = [bite for bite in sizing.bites if bite.devices is not None]
    return sorted(biting, key=lambda bite: (bite.use.is_advice, bite.devices or 0))


def _nearest(sizing: Sizing) -> str:
    uses = [use for part in sizing.parts for use in part.uses if not use.is_advice]
    nearest = max(uses, key=lambda use: use.used / use.most)
    return f"{nearest.limit}, {nearest.used / nearest.most:.0%}"


def _parts(parts: Iterable[Part]) -> Table:
    table = Table(title="One deployment", title_justify="left")
    table.add_column("service")
    table.add_column("what")
    table.add_column("how much", justify="right")
    table.add_column("$ a month", justify="right")
    for part in parts:
        for index, figure in enumerate(part.figures):
            name, dollars = (part.service, f"{part.dollars:,.0f}") if not index else ("", "")
            table.add_row(name, figure.name, _number(figure.value), dollars, end_section=index == len(part.figures) - 1)
    return table


def _limits(sizing: Sizing) -> Table:
    table = Table(title="Where limits bite, one deployment of such devices", title_justify="left")
    table.add_column("limit")
    table.add_column("of", justify="right")
    table.add_column("at devices", justify="right")
    for bite in first_limits(sizing):
        name = f"{bite.service}: {bite.use.limit}" + (" (advice)" if bite.use.is_advice else "")
        table.add_row(name, _number(bite.use.most), f"{bite.devices:,}")
    return table


def _part(part: Part) -> dict[str, Any]:
    return {
        "service": part.service,
        "dollarsAMonth": round(part.dollars, 2),
        "figures": [asdict(figure) for figure in part.figures],
        "charges": [{**asdict(charge), "dollars": round(charge.dollars, 2)} for charge in part.charges],
        "limits": [_use(use) for use in part.uses],
    }


def _bite(bite: Bite) -> dict[str, Any]:
    return {"service": bite.service, **_use(bite.use), "reachedAtDevices": bite.devices}


def _use(use: Use) -> dict[str, Any]:
    return {
        "limit": use.limit,
        "used": use.used,
        "most": use.most,
        "isAdvice": use.is_advice,
        "source": use.source,
    }


def _deployments(sizing: Sizing) -> str:
    if sizing.deployments == 1:
        return "One deployment"
    return f"{sizing.deployments:,} deployments of {sizing.devices_each:,} devices"


def _number(value: float | str) -> str:
    if isinstance(value, str):
        return value
    if float(value).is_integer() or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:,.2g}" if abs(value) < 1 else f"{value:,.1f}"
