"""series_fir and series_iir. Sources: Learn, "series_fir()", "series_iir()". Before its start a series is zero."""

import numpy as np

from local.data_explorer.series.values import Floats, SeriesMistake, finite


def fir(series: object, coefficients: object, normalize: object = None, center: object = False) -> Floats | None:
    """Each value a weighted sum of itself and those before it; of those around it when `center`.

    Weights are divided by their sum unless `normalize` is false or one is negative; None when it is true with a
    negative one, or when an array holds what is not finite.
    """
    values, weights = finite(series), finite(coefficients)
    if values is None or weights is None:
        return None
    if not len(weights):
        raise SeriesMistake("series_fir(): the filter has no coefficients.")
    has_negative = bool((weights < 0).any())
    if has_negative and normalize is True:
        return None
    if not has_negative and normalize is not False:
        if not weights.sum():
            return None
        weights = weights / weights.sum()
    if not len(values):
        return values
    ahead = (len(weights) - 1) // 2 if center is True else 0
    return np.convolve(values, weights)[ahead : ahead + len(values)]


def iir(series: object, numerators: object, denominators: object) -> Floats | None:
    """Y[i] = (b0 X[i] + b1 X[i-1] + … - a1 Y[i-1] - a2 Y[i-2] - …) / a0, b the numerators and a the denominators.

    None when an array holds what is not finite. Raises SeriesMistake when a0 is zero or missing.
    """
    values, b, a = finite(series), finite(numerators), finite(denominators)
    if values is None or b is None or a is None:
        return None
    if not len(a) or a[0] == 0:
        raise SeriesMistake("series_iir(): the first denominator must be there and not zero.")
    if not len(values) or not len(b):
        return np.zeros(len(values))
    forced = (np.convolve(values, b)[: len(values)] / a[0]).tolist()
    back = (a[1:] / a[0]).tolist()
    answer = [0.0] * len(back)
    for value in forced:
        for weight, earlier in zip(back, reversed(answer), strict=False):
            value -= weight * earlier
        answer.append(value)
    return np.array(answer[len(back) :])
