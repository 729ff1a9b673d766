"""series_fill_*: missing values filled from their neighbours or with a constant.

Missing is what equals the placeholder, null when none is given. Sources: Learn, "series_fill_forward()",
"series_fill_backward()", "series_fill_const()", "series_fill_linear()".
"""

import math
from typing import Any

import numpy as np

from local.data_explorer.series.values import element, number

Elements = list[Any]


def forward(series: object, placeholder: object = None) -> Elements | None:
    """Each missing value is the one before it; those at the start stay."""
    if not isinstance(series, list):
        return None
    filled: Elements = []
    for value in series:
        filled.append(filled[-1] if filled and value == placeholder else value)
    return filled


def backward(series: object, placeholder: object = None) -> Elements | None:
    """Each missing value is the one after it; those at the end stay."""
    if not isinstance(series, list):
        return None
    filled = forward(series[::-1], placeholder)
    return None if filled is None else filled[::-1]


def const(series: object, constant: object, placeholder: object = None) -> Elements | None:
    """Each missing value is the constant."""
    if not isinstance(series, list):
        return None
    return [constant if value == placeholder else value for value in series]


def linear(
    series: object, placeholder: object = None, fill_edges: object = True, constant: object = 0.0
) -> Elements | None:
    """Missing values on a straight line between their neighbours, cut to whole numbers when all values are whole.

    Those at the edges are the nearest value, unless `fill_edges` is false; when all are missing, all are `constant`.
    """
    if not isinstance(series, list):
        return None
    known = [place for place, value in enumerate(series) if value != placeholder]
    if not known:
        return [constant] * len(series)
    missing = [place for place, value in enumerate(series) if value == placeholder]
    if fill_edges is False:
        missing = [place for place in missing if known[0] < place < known[-1]]
    values = [series[place] for place in known]
    if not all(isinstance(value, int | float) for value in values):
        return series
    is_whole = all(isinstance(value, int) for value in values)
    filled = list(series)
    between = np.interp(missing, known, np.array(list(map(number, values))))
    for place, value in zip(missing, between.tolist(), strict=True):
        filled[place] = int(value) if is_whole and math.isfinite(value) else element(value)
    return filled
