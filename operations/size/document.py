"""`python -m operations.size.document`: writes the tables of docs/sizing.md anew."""

import re
from collections.abc import Iterator
from pathlib import Path

from operations.size.facts import Measured, Prices, read_measured, read_prices
from operations.size.fleet import Fleet
from operations.size.report import first_limits, markdown
from operations.size.sizing import size

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "sizing.md"
FLEETS = [10**power for power in range(1, 8)]
RATE = 1 / 60
SHARES = {"twins-each": 1.0, "twins-hundredth": 0.01, "no-twins": 0.0}


def tables() -> Iterator[tuple[str, str]]:
    """Each table's name and Markdown."""
    measured, prices = read_measured(), read_prices()
    for name, changed in SHARES.items():
        yield name, markdown(size(_fleet(devices, changed, measured), measured, prices) for devices in FLEETS)
    yield "limits", _limits(measured, prices)
    yield "prices", _prices(prices)


def with_tables(text: str) -> str:
    """The document with each table between its two marks. Raises ValueError for a mark that there is not."""
    for name, table in tables():
        text, count = re.subn(rf"(?s)(<!-- {name} -->\n).*?(<!-- /{name} -->)", rf"\g<1>\n{table}\n\g<2>", text)
        if count != 1:
            raise ValueError(f"docs/sizing.md has {count} places for the table {name}")
    return text


def _limits(measured: Measured, prices: Prices) -> str:
    sizing = size(_fleet(1000, 1.0, measured), measured, prices)
    rows = [
        f"| {bite.service}: {bite.use.limit}{' (advice)' if bite.use.is_advice else ''} | {bite.use.most:,.0f} | "
        f"{bite.devices:,} | <{bite.use.source}> |"
        for bite in first_limits(sizing)
    ]
    return "\n".join(["| limit | of | reached at devices | source |", "|---|---:|---:|---|", *rows]) + "\n"


def _prices(prices: Prices) -> str:
    rows = [f"| {name} | {each.amount:g} | {each.unit} | <{each.source}> |" for name, each in prices.by_name.items()]
    return "\n".join(["| price | $ | for a | source |", "|---|---:|---|---|", *rows]) + "\n"


def _fleet(devices: int, changed: float, measured: Measured) -> Fleet:
    return Fleet(devices, RATE, measured.message_bytes, measured.readings, changed)


if __name__ == "__main__":
    DOCUMENT.write_text(with_tables(DOCUMENT.read_text()))
