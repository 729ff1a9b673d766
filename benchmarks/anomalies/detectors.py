"""What the functions are compared with: textbook charts and library detectors, none of them tuned to a set.

Each takes a series at even times, NaN where nothing was read, and its step; it gives a flag for each place. Flags where
nothing was read do not count.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from numpy.typing import NDArray
from pvanalytics.quality import gaps, outliers  # type: ignore[import-not-found]
from river import anomaly, preprocessing  # type: ignore[import-not-found]
from statsmodels.tsa.seasonal import STL  # type: ignore[import-not-found]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Detector = Callable[[Floats, timedelta], Flags]

SIGMAS = 3.0
EWMA_WEIGHT = 0.2
"""What textbooks begin with."""
TREES_QUANTILE = 0.99
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def three_sigma(values: Floats, step: timedelta) -> Flags:
    """Further than three standard deviations from the mean."""
    del step
    return _beyond(values - np.nanmean(values), SIGMAS * np.nanstd(values))


def ewma_chart(values: Floats, step: timedelta) -> Flags:
    """Roberts' control chart: the exponentially weighted mean leaves its limits."""
    del step
    smoothed = pd.Series(values).ewm(alpha=EWMA_WEIGHT, adjust=False).mean().to_numpy()
    limit = SIGMAS * np.nanstd(values) * np.sqrt(EWMA_WEIGHT / (2 - EWMA_WEIGHT))
    return _beyond(smoothed - np.nanmean(values), limit)


def ewma_forecast(values: Floats, step: timedelta) -> Flags:
    """Further than three standard deviations from the mean of those before, both exponentially weighted."""
    del step
    weighted = pd.Series(values).ewm(alpha=EWMA_WEIGHT, adjust=False)
    mean, deviation = weighted.mean().shift(1).to_numpy(), weighted.std(bias=True).shift(1).to_numpy()
    return np.where(deviation > 0, np.abs(values - mean) > SIGMAS * deviation, False)


def stl(values: Floats, step: timedelta) -> Flags:
    """statsmodels' robust STL: a residual further than three of its standard deviations from their mean.

    The period is a day, or an hour of a recording that is shorter than two days.
    """
    period = DAY if len(values) * step >= 2 * DAY else HOUR
    filled = pd.Series(values).interpolate(limit_direction="both")
    residual = np.where(np.isnan(values), np.nan, STL(filled, period=period // step, robust=True).fit().resid)
    return _beyond(residual - np.nanmean(residual), SIGMAS * np.nanstd(residual))


def half_space_trees(values: Floats, step: timedelta) -> Flags:
    """river's half-space trees on each value as it comes: a score in the highest hundredth of those before it."""
    del step
    scaler = preprocessing.MinMaxScaler()
    trees = anomaly.QuantileFilter(anomaly.HalfSpaceTrees(seed=42), q=TREES_QUANTILE)
    flags = np.zeros(len(values), dtype=bool)
    for place in np.flatnonzero(~np.isnan(values)):
        features = {"value": float(values[place])}
        scaler.learn_one(features)
        scaled = scaler.transform_one(features)
        flags[place] = trees.classify(trees.score_one(scaled))
        trees.learn_one(scaled)
    return flags


def hampel(values: Floats, step: timedelta) -> Flags:
    """pvanalytics' Hampel filter with its defaults, on what was read."""
    del step
    return _on_readings(values, outliers.hampel)


def stale_values(values: Floats, step: timedelta) -> Flags:
    """pvanalytics' stale_values_diff with its defaults: six equal values or more in a row."""
    del step
    return _on_readings(values, lambda series: gaps.stale_values_diff(series, mark="all"))


def _beyond(distance: Floats, limit: Any) -> Flags:
    flags: Flags = np.abs(distance) > limit
    return flags


def _on_readings(values: Floats, detector: Callable[[pd.Series], pd.Series]) -> Flags:
    flags = np.zeros(len(values), dtype=bool)
    places = np.flatnonzero(~np.isnan(values))
    flags[places] = detector(pd.Series(values[places])).to_numpy(dtype=bool)
    return flags


DETECTORS: dict[str, Detector] = {
    "3-sigma": three_sigma,
    "EWMA chart": ewma_chart,
    "EWMA forecast": ewma_forecast,
    "STL, robust (statsmodels)": stl,
    "half-space trees (river)": half_space_trees,
    "Hampel (pvanalytics)": hampel,
    "stale_values_diff (pvanalytics)": stale_values,
}
