"""series_periods_detect, series_periods_validate and series_seasonal.

The service does not publish how it scores. Here a period is looked for where the spectrum has a peak, as Vlachos,
Yu and Castelli do ("On Periodicity Detection and Structural Periodic Similarity", 2005): it is the lag of the highest
peak of the autocorrelation there, and that is its score, or the autocorrelation at twice the lag when that is less.
The documented examples come out so. Sources: Learn, "series_periods_detect()", "series_periods_validate()",
"series_seasonal()".
"""

import math
from dataclasses import dataclass

import numpy as np

from local.data_explorer.series.values import Floats, finite, number, whole

PERIODS = ("periods", "scores")
SHORTEST = 4
"""Periods are at least so long, and at most half the series."""
MOST = 1_000
DETECTED = -1
SEASONAL_THRESHOLD = 0.7
_PEAK = 3.0
"""How many times the mean of the spectrum a peak is."""
_FLAT = 1e-12


@dataclass(frozen=True)
class _Spectra:
    """`power` by frequency (cycles in the whole series), `correlation` by lag."""

    length: int
    power: Floats
    correlation: Floats


def periods_detect(
    series: object, shortest: object, longest: object, count: object
) -> tuple[list[float], list[float]] | None:
    """The `count` best periods between two lengths, best first, and their scores from 0 to 1; zeros when there are
    fewer. None when an element is not finite.
    """
    values = finite(series)
    if values is None:
        return None
    most = max(0, min(whole(count), MOST))
    found = [each for each in candidates(values) if number(shortest) <= each[0] <= number(longest)][:most]
    found += [(0, 0.0)] * (most - len(found))
    return [float(period) for period, _ in found], [score for _, score in found]


def periods_validate(series: object, *periods: object) -> tuple[list[float], list[float]] | None:
    """The periods as given, and the score of each; 0 for one that is none. None when an element is not finite."""
    values = finite(series)
    if values is None:
        return None
    spectra = _spectra(values)
    given = [number(period) for period in periods]
    return given, [_validated(spectra, period) for period in given]


def candidates(values: Floats) -> list[tuple[int, float]]:
    """Periods with a score above zero, best first."""
    spectra = _spectra(values)
    if spectra is None:
        return []
    lags = {_hill(spectra, frequency) for frequency in _peaks(spectra.power)} - {0}
    scores = {lag: _score(spectra, lag) for lag in lags}
    scored = [(lag, score) for lag, score in scores.items() if score > 0 and not _repeats(lag, scores)]
    return sorted(scored, key=lambda each: (-each[1], each[0]))


def seasonal(series: object, period: object = -1) -> Floats | None:
    """The median of the values at the same place in each period; zeros when there is no period.

    `period` -1: the best one that scores 0.7 or more.
    """
    values = finite(series)
    if values is None:
        return None
    length = best_period(values, SEASONAL_THRESHOLD) if period == DETECTED else whole(period)
    return seasonal_of(values, length, len(values))


def best_period(values: Floats, threshold: float) -> int:
    """The best period that scores the threshold or more, else 0."""
    for period, score in candidates(values):
        return period if score >= threshold else 0
    return 0


def seasonal_of(values: Floats, period: int, length: int) -> Floats:
    """The seasonal component learnt from the values, for a series of that length."""
    if period <= 0 or not len(values):
        return np.zeros(length)
    period = min(period, length)
    full, rest = divmod(len(values), period)
    cycles = values[: full * period].reshape(full, period)
    if full == 0:
        pattern = np.resize(values, period)
    else:
        pattern = np.median(cycles, axis=0)
        if rest:
            last = values[np.newaxis, full * period :]
            pattern[:rest] = np.median(np.concatenate([cycles[:, :rest], last]), axis=0)
    return np.resize(pattern, length)


def _spectra(values: Floats) -> _Spectra | None:
    length = len(values)
    if length < 2 * SHORTEST:
        return None
    around = values - values.mean()
    if float(np.abs(around).max()) <= _FLAT * float(np.abs(values).max()):
        return None
    padded = 1 << math.ceil(math.log2(2 * length))
    spectrum = np.fft.rfft(around, padded)
    products = np.fft.irfft(spectrum * np.conj(spectrum), padded)[:length]
    overlap = np.arange(length, 0, -1)
    return _Spectra(length, np.abs(np.fft.rfft(around)) ** 2, products / overlap / (products[0] / length))


def _peaks(power: Floats) -> list[int]:
    """Frequencies at which the spectrum has a peak."""
    inner = power[1:]
    before = np.concatenate([[0.0], inner[:-1]])
    after = np.concatenate([inner[1:], [0.0]])
    is_peak = (inner >= before) & (inner >= after) & (inner > _PEAK * inner.mean())
    return [int(place) + 1 for place in np.flatnonzero(is_peak)]


def _hill(spectra: _Spectra, frequency: int) -> int:
    """The lag of the autocorrelation's highest peak among those that the frequency can mean; 0 when it has none."""
    first = max(SHORTEST, math.ceil(spectra.length / (frequency + 1)))
    last = spectra.length // 2 if frequency == 1 else min(spectra.length // 2, spectra.length // (frequency - 1))
    peaks = [lag for lag in range(first, last + 1) if _is_hill(spectra, lag)]
    return _sharpened(spectra, max(peaks, key=lambda lag: float(spectra.correlation[lag]), default=0))


def _sharpened(spectra: _Spectra, lag: int) -> int:
    """The lag, or one within a fiftieth of it, that goes best with all its multiples: noise moves a long one."""
    reach = lag // 50
    nearby = range(lag - reach, min(lag + reach, spectra.length // 2) + 1)
    return max(nearby, key=lambda each: _of_multiples(spectra, each)) if reach else lag


def _of_multiples(spectra: _Spectra, lag: int) -> float:
    multiples = np.arange(lag, spectra.length, lag)
    return float(spectra.correlation[multiples] @ (spectra.length - multiples))


def _is_hill(spectra: _Spectra, lag: int) -> bool:
    before, here, after = spectra.correlation[lag - 1 : lag + 2]
    return bool(here > 0 and here >= before and here >= after)


def _repeats(lag: int, scores: dict[int, float]) -> bool:
    """Whether it is several of a shorter period that scores no less."""
    return any(lag % shorter == 0 and scores[shorter] >= scores[lag] for shorter in scores if shorter < lag)


def _score(spectra: _Spectra, lag: int) -> float:
    """The autocorrelation at the lag, or at twice the lag when that is less and three periods are there to tell."""
    found = float(spectra.correlation[lag])
    if 3 * lag <= spectra.length:
        found = min(found, float(spectra.correlation[2 * lag]))
    return min(1.0, max(0.0, found))


def _validated(spectra: _Spectra | None, period: float) -> float:
    """The score of a period that may be no whole number: that of the nearest lag, when it is a peak."""
    if spectra is None or not SHORTEST <= period <= spectra.length / 2:
        return 0.0
    lag = round(period)
    return _score(spectra, lag) if _is_hill(spectra, lag) else 0.0
