"""series_outliers: Tukey's fences.

A value beyond a percentile scores its distance from it, in ranges between the two percentiles. Sources: Learn,
"series_outliers()"; for the percentiles (interpolated) and for how custom ones are brought to the scale of quartiles,
the author's answer on Stack Overflow, question 75264555.
"""

from statistics import NormalDist
from typing import Literal

import numpy as np

from local.data_explorer.series.values import Floats, SeriesMistake, elements, number, numbers

Kind = Literal["tukey", "ctukey"]
FENCE = 1.5
_EXCESS = 2.772605605507914 / 2.7143705977391295
"""What the service multiplies by for its default percentiles, over what the exact normal distribution asks for."""
_ROUNDING = 1e-12


def outliers(
    series: object, kind: object = "ctukey", ignore: object = None, low: object = 10, high: object = 90
) -> list[object] | Floats | None:
    """Scores: above 1.5 a rise, below -1.5 a decline, 0 for nulls and for what equals `ignore`."""
    values = numbers(series)
    if values is None:
        return None
    missing = np.isnan(values)
    if isinstance(ignore, int | float):
        missing |= values == ignore
    scored = np.zeros(len(values))
    scored[~missing] = scores(values[~missing], kind, number(low), number(high))
    return elements(scored)


def scores(values: Floats, kind: object = "ctukey", low: float = 10, high: float = 90) -> Floats:
    """The same of plain numbers. Without a range between the percentiles, whatever is beyond them scores infinity.

    Raises SeriesMistake for another kind, or percentiles out of 2 … 98.
    """
    if kind not in ("tukey", "ctukey"):
        raise SeriesMistake(f"series_outliers(): kind is 'tukey' or 'ctukey', not {kind!r}.")
    if kind == "ctukey" and not 2 <= low < high <= 98:
        raise SeriesMistake(f"series_outliers(): percentiles are in 2 … 98, the first the smaller: {low}, {high}.")
    if not len(values):
        return values
    below, above = np.percentile(values, [25, 75] if kind == "tukey" else [low, high])
    beyond = values - np.clip(values, below, above)
    least = rounding_of(values)
    beyond[np.abs(beyond) <= least] = 0.0
    if above - below <= least:
        infinite: Floats = np.where(beyond == 0, 0.0, np.copysign(np.inf, beyond))
        return infinite
    scored: Floats = beyond / (above - below) * (1.0 if kind == "tukey" else _scale(low, high))
    return scored


def rounding_of(values: Floats) -> float:
    """Differences so small come from computing with 64 bits."""
    return _ROUNDING * float(np.abs(values).max(initial=0.0))


def _scale(low: float, high: float) -> float:
    """Makes the score of a normal value at the quartiles' fence 1.5 with these percentiles too."""
    normal = NormalDist()
    lowest, highest, quartile = normal.inv_cdf(low / 100), normal.inv_cdf(high / 100), normal.inv_cdf(0.75)
    fence = quartile + FENCE * 2 * quartile
    return _EXCESS * FENCE * (highest - lowest) / (fence - highest)
