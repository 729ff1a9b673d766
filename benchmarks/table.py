"""The one table that a benchmark prints: what was measured, against what was promised."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Measure:
    """One row. `value` and `target` are in `unit`; without a target the row only informs."""

    name: str
    value: float
    unit: str
    target: float | None = None
    better: Literal["higher", "lower"] = "higher"

    @property
    def holds(self) -> bool:
        if self.target is None:
            return True
        return self.value >= self.target if self.better == "higher" else self.value <= self.target


def print_table(title: str, measures: list[Measure]) -> None:
    table = Table(title=title, title_justify="left")
    table.add_column("measure")
    table.add_column("measured", justify="right")
    table.add_column("promised", justify="right")
    table.add_column("")
    for measure in measures:
        sign = "≥" if measure.better == "higher" else "≤"
        promised = "" if measure.target is None else f"{sign} {_number(measure.target)} {measure.unit}"
        verdict = "" if measure.target is None else ("[green]holds[/]" if measure.holds else "[red]MISSED[/]")
        table.add_row(measure.name, f"{_number(measure.value)} {measure.unit}", promised, verdict)
    # Redirected to a file, a table is not to be folded to 80 columns.
    console = Console()
    Console(width=None if console.is_terminal else 120).print(table)


def median(values: list[float]) -> float:
    return percentile(values, 50)


def percentile(values: list[float], percent: float) -> float:
    """The smallest value that so many percent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * int(percent * 10) // 1000) - 1)]


def timed(work: Callable[[], object], seconds: Callable[[], float]) -> float:
    """Seconds, by the clock given, that the work took."""
    start = seconds()
    work()
    return seconds() - start


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}"
