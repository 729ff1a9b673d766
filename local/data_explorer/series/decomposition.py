"""series_decompose, series_decompose_anomalies and series_decompose_forecast.

A series is seasonal + trend + residual; seasonal + trend is its baseline. Sources: Learn, "series_decompose()",
"series_decompose_anomalies()", "series_decompose_forecast()".
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from local.data_explorer.series import outliers
from local.data_explorer.series.lines import line_of
from local.data_explorer.series.periods import DETECTED, best_period, seasonal_of
from local.data_explorer.series.values import Floats, SeriesMistake, elements, finite, number, whole

COMPONENTS = ("baseline", "seasonal", "trend", "residual")
ANOMALIES = ("ad_flag", "ad_score", "baseline")


@dataclass(frozen=True)
class Decomposition:
    """Components of one series, all of its length."""

    baseline: Floats
    seasonal: Floats
    trend: Floats
    residual: Floats


def decompose(
    series: object,
    seasonality: object = DETECTED,
    trend: object = "avg",
    test_points: object = 0,
    threshold: object = 0.6,
) -> tuple[Floats, Floats, Floats, Floats] | None:
    """COMPONENTS of a series; None when an element is not finite. Raises SeriesMistake."""
    values = finite(series)
    if values is None:
        return None
    parts = decomposed(values, seasonality, trend, test_points, threshold)
    return parts.baseline, parts.seasonal, parts.trend, parts.residual


def decompose_anomalies(
    series: object,
    threshold: object = outliers.FENCE,
    seasonality: object = DETECTED,
    trend: object = "avg",
    test_points: object = 0,
    method: object = "ctukey",
    seasonality_threshold: object = 0.6,
) -> tuple[Any, Any, Floats] | None:
    """ANOMALIES of a series: +1 where the residual's score is above the threshold, -1 where below its negative."""
    values = finite(series)
    if values is None:
        return None
    parts = decomposed(values, seasonality, trend, test_points, seasonality_threshold)
    scores = outliers.scores(parts.residual, method)
    limit = number(threshold)
    flags = (scores > limit).astype(np.int64) - (scores < -limit)
    return flags, elements(scores), parts.baseline


def decompose_forecast(
    series: object,
    points: object,
    seasonality: object = DETECTED,
    trend: object = "avg",
    threshold: object = 0.6,
) -> tuple[Floats, Floats, Floats, Floats] | None:
    """COMPONENTS learnt without the last `points` values, whose baseline goes on over them."""
    return decompose(series, seasonality, trend, points, threshold)


def decomposed(
    values: Floats, seasonality: object, trend: object, test_points: object, threshold: object
) -> Decomposition:
    """The components of plain numbers; what the last `test_points` values are has no effect on the baseline.

    A value that the baseline differs from by rounding alone has no residual, which would else be scored.
    """
    if trend not in ("avg", "linefit", "none"):
        raise SeriesMistake(f"series_decompose(): trend is 'avg', 'linefit' or 'none', not {trend!r}.")
    learnt = values[: max(0, len(values) - max(0, whole(test_points)))]
    period = _detected(learnt, number(threshold)) if seasonality == DETECTED else whole(seasonality)
    seasonal = seasonal_of(learnt, period, len(values))
    line = _trend(learnt - seasonal[: len(learnt)], trend, len(values))
    baseline = seasonal + line
    explained = np.abs(learnt - baseline[: len(learnt)]) <= outliers.rounding_of(learnt)
    baseline[: len(learnt)][explained] = learnt[explained]
    return Decomposition(baseline, seasonal, line, values - baseline)


def _detected(learnt: Floats, threshold: float) -> int:
    """The period, looked for without the line through the series, which would hide it."""
    return best_period(learnt - line_of(learnt).at(len(learnt)), threshold) if len(learnt) else 0


def _trend(deseasonal: Floats, trend: object, length: int) -> Floats:
    if trend == "none" or not len(deseasonal):
        return np.zeros(length)
    if trend == "avg":
        return np.full(length, deseasonal.mean())
    return line_of(deseasonal).at(length)
