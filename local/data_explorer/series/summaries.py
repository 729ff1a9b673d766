"""series_stats, series_sum, series_pearson_correlation …: one number of a series, or of two.

Sources: Learn, "series_stats()", "series_stats_dynamic()", "series_pearson_correlation()", "series_dot_product()",
"series_cosine_similarity()", "series_magnitude()".
"""

import math

import numpy as np

from local.data_explorer.series.values import Floats, finite, numbers

STATS = ("min", "min_idx", "max", "max_idx", "avg", "stdev", "variance")
Stats = tuple[float, int, float, int, float, float, float]


def stats(series: object, ignore_nonfinite: object = False) -> Stats | None:
    """STATS of the array; the variance is that of a sample. None when it is empty or holds what is not finite."""
    values = numbers(series)
    if values is None:
        return None
    places = np.flatnonzero(np.isfinite(values))
    if not len(places) or (len(places) < len(values) and not ignore_nonfinite):
        return None
    kept = values[places]
    low, high = int(np.argmin(kept)), int(np.argmax(kept))
    variance = float(np.var(kept, ddof=1)) if len(kept) > 1 else 0.0
    return (
        float(kept[low]),
        int(places[low]),
        float(kept[high]),
        int(places[high]),
        float(np.mean(kept)),
        math.sqrt(variance),
        variance,
    )


def stats_dynamic(series: object, ignore_nonfinite: object = False) -> dict[str, float | int | None] | None:
    """The same as a bag, with the sum and the length."""
    values = numbers(series)
    if values is None:
        return None
    found = stats(series, ignore_nonfinite)
    members: dict[str, float | int | None] = dict(zip(STATS, found or (None,) * len(STATS), strict=True))
    total = None if found is None else float(np.sum(values[np.isfinite(values)]))
    return {**members, "sum": total, "len": len(values)}


def total(series: object) -> float | None:
    values = numbers(series)
    return None if values is None or np.isnan(values).any() else float(np.sum(values))


def product(series: object) -> float | None:
    values = numbers(series)
    return None if values is None or np.isnan(values).any() else float(np.prod(values))


def magnitude(series: object) -> float | None:
    """The root of the sum of squares."""
    values = numbers(series)
    return None if values is None or np.isnan(values).any() else float(np.sqrt(values @ values))


def pearson_correlation(one: object, two: object) -> float | None:
    """None when an element is no number or the lengths differ; NaN when a series is constant."""
    a, b = finite(one), finite(two)
    if a is None or b is None or len(a) != len(b) or not len(a):
        return None
    a, b = a - a.mean(), b - b.mean()
    scale = math.sqrt(float(a @ a)) * math.sqrt(float(b @ b))
    return float(np.clip(a @ b / scale, -1, 1)) if scale else math.nan


def dot_product(one: object, two: object) -> float | None:
    """Of the shorter length, passing over what is no number; a number stands for an array of its own."""
    pair = _pair(one, two)
    return None if pair is None else float(pair[0] @ pair[1])


def cosine_similarity(one: object, two: object, magnitude1: object = None, magnitude2: object = None) -> float | None:
    pair = _pair(one, two)
    if pair is None:
        return None
    first, second = (
        float(given) if isinstance(given, int | float) else math.sqrt(float(values @ values))
        for given, values in zip((magnitude1, magnitude2), pair, strict=True)
    )
    scale = first * second
    return float(pair[0] @ pair[1]) / scale if scale else math.nan


def _pair(one: object, two: object) -> tuple[Floats, Floats] | None:
    if isinstance(one, int | float) and isinstance(two, list):
        one = [one] * len(two)
    if isinstance(two, int | float) and isinstance(one, list):
        two = [two] * len(one)
    a, b = numbers(one), numbers(two)
    if a is None or b is None or not len(a) or not len(b):
        return None
    length = min(len(a), len(b))
    a, b = a[:length], b[:length]
    known = ~(np.isnan(a) | np.isnan(b))
    return a[known], b[known]
