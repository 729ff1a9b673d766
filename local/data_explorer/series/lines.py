"""series_fit_line and series_fit_2lines: least squares over the places 1, 2, 3 ….

Sources: Learn, "series_fit_line()", "series_fit_2lines()"; their examples tell that places count from 1, and that
variances are those of a sample.
"""

from dataclasses import dataclass

import numpy as np

from local.data_explorer.series.values import Floats, finite

LINE = ("rsquare", "slope", "variance", "rvariance", "interception", "line_fit")
SIDE = ("rsquare", "slope", "interception", "variance", "rvariance")
TWO_LINES = (
    *("rsquare", "split_idx", "variance", "rvariance", "line_fit"),
    *(f"right_{name}" for name in SIDE),
    *(f"left_{name}" for name in SIDE),
)
SHORTEST_SIDE = 2


@dataclass(frozen=True)
class Line:
    """`variance` and `rvariance` are of the data and of what the line leaves over."""

    slope: float
    interception: float
    variance: float
    rvariance: float

    @property
    def rsquare(self) -> float:
        """1 for data without variance, which a line always meets."""
        return 1 - self.rvariance / self.variance if self.variance else 1.0

    def at(self, length: int) -> Floats:
        places: Floats = np.arange(1.0, length + 1)
        return self.interception + self.slope * places

    def side(self) -> tuple[float, ...]:
        return (self.rsquare, self.slope, self.interception, self.variance, self.rvariance)


def line_of(values: Floats) -> Line:
    """The line nearest to one value or more."""
    places = np.arange(len(values)) - (len(values) - 1) / 2
    mean = float(values.mean())
    spread = float(places @ places)
    slope = float(places @ (values - mean)) / spread if spread else 0.0
    left = values - mean - slope * places
    around = values - mean
    freedom = max(1, len(values) - 1)
    interception = mean - slope * (len(values) + 1) / 2
    return Line(slope, interception, float(around @ around) / freedom, float(left @ left) / freedom)


def fit_line(series: object) -> tuple[float | Floats, ...] | None:
    """The LINE of a series; None when it is empty or an element is not finite."""
    values = finite(series)
    if values is None or not len(values):
        return None
    line = line_of(values)
    return line.rsquare, line.slope, line.variance, line.rvariance, line.interception, line.at(len(values))


def fit_line_dynamic(series: object) -> dict[str, float | Floats] | None:
    found = fit_line(series)
    return None if found is None else dict(zip(LINE, found, strict=True))


def fit_2lines(series: object) -> tuple[float | int | Floats, ...] | None:
    """TWO_LINES: the split into two sides, of at least two values each, that leaves the least over.

    `split_idx` is the place of the right side's first value. Each side's line counts its places from 1. None when
    there are not four values or an element is not finite.
    """
    values = finite(series)
    if values is None or len(values) < 2 * SHORTEST_SIDE:
        return None
    split = _best_split(values)
    left, right = line_of(values[:split]), line_of(values[split:])
    fitted = np.concatenate([left.at(split), right.at(len(values) - split)])
    over = values - fitted
    whole = line_of(values)
    freedom = len(values) - 1
    both = Line(0.0, 0.0, whole.variance, float(over @ over) / freedom)
    return both.rsquare, split, both.variance, both.rvariance, fitted, *right.side(), *left.side()


def fit_2lines_dynamic(series: object) -> dict[str, object] | None:
    """The same as a bag, whose sides are bags."""
    found = fit_2lines(series)
    if found is None:
        return None
    sides = len(SIDE)
    return {
        **dict(zip(TWO_LINES[:sides], found[:sides], strict=True)),
        "right": dict(zip(SIDE, found[sides : 2 * sides], strict=True)),
        "left": dict(zip(SIDE, found[2 * sides :], strict=True)),
    }


def _best_split(values: Floats) -> int:
    """The first place of the right side: all splits at once, from running sums."""
    centred = values - values.mean()
    splits = np.arange(SHORTEST_SIDE, len(values) - SHORTEST_SIDE + 1)
    left = _left_over(centred)[splits - 1]
    right = _left_over(centred[::-1])[len(values) - splits - 1]
    return int(splits[np.argmin(left + right)])


def _left_over(values: Floats) -> Floats:
    """For every beginning of the series: the sum of squares that its line leaves over."""
    count = np.arange(1, len(values) + 1)
    places = count - 1.0
    sum_x, sum_xx = np.cumsum(places), np.cumsum(places**2)
    sum_y, sum_yy, sum_xy = np.cumsum(values), np.cumsum(values**2), np.cumsum(places * values)
    spread = sum_xx - sum_x**2 / count
    along = sum_xy - sum_x * sum_y / count
    explained = np.divide(along**2, spread, out=np.zeros(len(values)), where=spread > 0)
    return np.maximum(sum_yy - sum_y**2 / count - explained, 0)
