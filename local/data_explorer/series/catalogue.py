"""Every series_* function, and array_iff, by its KQL name: how it is computed, what it takes and what it gives."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from local.data_explorer.series import decomposition, filling, filters, lines, outliers, periods, summaries
from local.data_explorer.series.elementwise import (
    ARITHMETIC,
    COMPARISONS,
    OF_ONE,
    REAL_ARITHMETIC,
    REAL_OF_ONE,
    chosen,
    elementwise,
)

ResultType = Literal["dynamic", "real", "long"]
VALUE = "value"
"""The column of a function that gives one value."""
_MOST_PERIODS = 16
_REALS = ("rsquare", "slope", "interception", "variance", "rvariance", "min", "max", "avg", "stdev")


@dataclass(frozen=True)
class SeriesFunction:
    """`compute` takes arguments as JSON's Python values; the ones left out have defaults.

    It gives the value of the only column, or a tuple of all columns, or None when all are null. Raises SeriesMistake.
    """

    compute: Callable[..., Any]
    least: int
    most: int
    columns: tuple[tuple[str, ResultType], ...]

    def answer(self, *arguments: object) -> Any:
        """What `compute` gives; numbers too large for 64 bits are infinite or NaN, without a warning."""
        with np.errstate(all="ignore"):
            return self.compute(*arguments)

    @property
    def has_columns(self) -> bool:
        """Whether it gives several columns in KQL, and so is no scalar."""
        return self.columns[0][0] != VALUE


def _scalar(compute: Callable[..., Any], least: int, most: int, kind: ResultType = "dynamic") -> SeriesFunction:
    return SeriesFunction(compute, least, most, ((VALUE, kind),))


def _several(compute: Callable[..., Any], least: int, most: int, columns: Iterable[str]) -> SeriesFunction:
    return SeriesFunction(compute, least, most, tuple((column, _type(column)) for column in columns))


def _type(column: str) -> ResultType:
    if column.endswith("_idx"):
        return "long"
    return "real" if column.removeprefix("left_").removeprefix("right_") in _REALS else "dynamic"


def _elementwise() -> dict[str, SeriesFunction]:
    found = {}
    for operations, count, whole in (
        (ARITHMETIC, 2, True),
        (COMPARISONS, 2, True),
        (REAL_ARITHMETIC, 2, False),
        (OF_ONE, 1, True),
        (REAL_OF_ONE, 1, False),
    ):
        for name, operation in operations.items():
            found[f"series_{name}"] = _scalar(elementwise(operation, whole=whole), count, count)
    return found


SERIES_FUNCTIONS: dict[str, SeriesFunction] = {
    **_elementwise(),
    "array_iff": _scalar(chosen, 3, 3),
    "array_iif": _scalar(chosen, 3, 3),
    "series_fill_forward": _scalar(filling.forward, 1, 2),
    "series_fill_backward": _scalar(filling.backward, 1, 2),
    "series_fill_const": _scalar(filling.const, 2, 3),
    "series_fill_linear": _scalar(filling.linear, 1, 4),
    "series_stats": _several(summaries.stats, 1, 2, summaries.STATS),
    "series_stats_dynamic": _scalar(summaries.stats_dynamic, 1, 2),
    "series_sum": _scalar(summaries.total, 1, 1, "real"),
    "series_product": _scalar(summaries.product, 1, 1, "real"),
    "series_magnitude": _scalar(summaries.magnitude, 1, 1, "real"),
    "series_pearson_correlation": _scalar(summaries.pearson_correlation, 2, 2, "real"),
    "series_dot_product": _scalar(summaries.dot_product, 2, 2, "real"),
    "series_cosine_similarity": _scalar(summaries.cosine_similarity, 2, 4, "real"),
    "series_fir": _scalar(filters.fir, 2, 4),
    "series_iir": _scalar(filters.iir, 3, 3),
    "series_fit_line": _several(lines.fit_line, 1, 1, lines.LINE),
    "series_fit_line_dynamic": _scalar(lines.fit_line_dynamic, 1, 1),
    "series_fit_2lines": _several(lines.fit_2lines, 1, 1, lines.TWO_LINES),
    "series_fit_2lines_dynamic": _scalar(lines.fit_2lines_dynamic, 1, 1),
    "series_outliers": _scalar(outliers.outliers, 1, 5),
    "series_periods_detect": _several(periods.periods_detect, 4, 4, periods.PERIODS),
    "series_periods_validate": _several(periods.periods_validate, 2, 1 + _MOST_PERIODS, periods.PERIODS),
    "series_seasonal": _scalar(periods.seasonal, 1, 2),
    "series_decompose": _several(decomposition.decompose, 1, 5, decomposition.COMPONENTS),
    "series_decompose_anomalies": _several(decomposition.decompose_anomalies, 1, 7, decomposition.ANOMALIES),
    "series_decompose_forecast": _several(decomposition.decompose_forecast, 2, 5, decomposition.COMPONENTS),
}
