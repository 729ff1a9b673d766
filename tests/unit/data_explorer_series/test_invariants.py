"""What holds of the series functions for any series."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from local.data_explorer.series import filling, filters, lines, outliers, periods, summaries
from local.data_explorer.series.catalogue import SERIES_FUNCTIONS
from local.data_explorer.series.decomposition import decompose, decompose_anomalies, decompose_forecast
from local.data_explorer.series.elementwise import ARITHMETIC, elementwise
from local.data_explorer.series.values import Floats, SeriesMistake

REAL = st.floats(-1e6, 1e6, allow_subnormal=False)
SERIES = arrays.arrays(np.float64, st.integers(1, 80), elements=REAL)
GAPPY = st.lists(st.none() | st.integers(-1000, 1000) | REAL, max_size=30)
TRENDS = st.sampled_from(["avg", "linefit", "none"])
SEASONALITY = st.integers(-1, 30)
STEADY = settings(derandomize=True)


def close(one: Floats, other: Floats, series: Floats) -> bool:
    return np.allclose(one, other, rtol=0, atol=1e-9 * (1 + np.abs(series).max(initial=0)))


@STEADY
@given(SERIES, SEASONALITY, TRENDS, st.integers(0, 90))
def test_components_add_up(series: Floats, seasonality: int, trend: str, test_points: int) -> None:
    found = decompose(series, seasonality, trend, test_points)
    assert found is not None
    baseline, seasonal, line, residual = found

    assert close(baseline, seasonal + line, series)
    assert close(series, baseline + residual, series)
    if seasonality == 0:
        assert not seasonal.any()
    if seasonality > 0:
        assert (seasonal[seasonality:] == seasonal[:-seasonality]).all()
    if trend == "none":
        assert not line.any()


@STEADY
@given(SERIES, st.floats(0.1, 5), SEASONALITY, TRENDS, st.sampled_from(["tukey", "ctukey"]))
def test_flags_are_exactly_where_the_score_is_beyond_the_threshold(
    series: Floats, threshold: float, seasonality: int, trend: str, method: str
) -> None:
    found = decompose_anomalies(series, threshold, seasonality, trend, 0, method)
    assert found is not None
    flags, scores, baseline = found

    scores = np.array([float(score) for score in scores])
    assert ((flags == 1) == (scores > threshold)).all()
    assert ((flags == -1) == (scores < -threshold)).all()
    assert (
        np.sign(scores[scores != 0]) == np.sign((series - baseline)[scores != 0] - _middle(series - baseline))
    ).all()


def _middle(residual: Floats) -> float:
    return float(np.median(residual))


@STEADY
@given(SERIES, st.integers(1, 40), SEASONALITY, TRENDS)
def test_forecast_does_not_know_the_points_it_is_for(series: Floats, points: int, seasonality: int, trend: str) -> None:
    blank = series.copy()
    blank[-points:] = 0

    known, unknown = (decompose_forecast(each, points, seasonality, trend) for each in (series, blank))

    assert known is not None
    assert unknown is not None
    assert (known[0] == unknown[0]).all()


@STEADY
@given(st.integers(4, 20), st.integers(3, 6))
def test_period_of_a_repeated_pattern_is_found_and_validated(period: int, cycles: int) -> None:
    pattern = np.cos(2 * np.pi * np.arange(period) / period) * 10 + np.arange(period) % 2
    series = np.tile(pattern, cycles)

    for found in (periods.periods_detect(series, 4, len(series), 1), periods.periods_validate(series, period)):
        assert found is not None
        assert found[0] == [float(period)]
        assert found[1] == pytest.approx([1.0])


@pytest.mark.parametrize("seed", range(5))
def test_noise_does_not_move_a_long_period(seed: int) -> None:
    places = np.arange(96 * 14)
    noise = np.random.default_rng(seed).normal(0, 2, len(places))

    found = periods.periods_detect(10 * np.sin(2 * np.pi * places / 96) + noise, 4, 600, 2)

    assert found is not None
    assert found[0] == [96.0, 0.0]
    assert found[1][0] > 0.9


@STEADY
@given(SERIES, st.integers(-1, 90))
def test_seasonal_component_repeats_and_has_medians(series: Floats, period: int) -> None:
    found = periods.seasonal(series, period)
    assert found is not None

    assert len(found) == len(series)
    for place in range(min(len(series), max(0, period))):
        assert (found[place::period] == np.median(series[place::period])).all()


@STEADY
@given(SERIES, st.floats(2, 45), st.floats(55, 98))
def test_outliers_are_zero_between_the_percentiles_and_grow_beyond(series: Floats, low: float, high: float) -> None:
    found = outliers.outliers(series, "ctukey", None, low, high)
    assert found is not None
    scores = np.array(found, dtype=np.float64)
    below, above = np.percentile(series, [low, high])

    assert not scores[(series >= below) & (series <= above)].any()
    rising = scores[np.argsort(series, kind="stable")]
    assert (rising[1:] >= rising[:-1]).all()


@STEADY
@given(SERIES, REAL, REAL)
def test_line_through_points_on_a_line_is_that_line(series: Floats, slope: float, interception: float) -> None:
    straight: Floats = interception + slope * np.arange(1.0, len(series) + 1)

    assert close(lines.line_of(straight).at(len(series)), straight, np.array([slope * 80, interception]))


@STEADY
@given(SERIES)
def test_two_lines_leave_no_more_over_than_one_and_the_best_split_is_the_best(series: Floats) -> None:
    two, one = lines.fit_2lines(series), lines.fit_line(series)
    if two is None:
        assert len(series) < 4
        return
    assert one is not None
    fitted = two[4]

    left_over = [
        sum(((side - lines.line_of(side).at(len(side))) ** 2).sum() for side in (series[:split], series[split:]))
        for split in range(2, len(series) - 1)
    ]
    scale = 1e-9 * (1 + float(((series - series.mean()) ** 2).sum()))
    assert float(((series - fitted) ** 2).sum()) <= min(left_over) + scale
    assert float(two[3]) <= float(one[3]) + scale


@STEADY
@given(SERIES, arrays.arrays(np.float64, st.integers(1, 5), elements=st.floats(-3, 3, allow_subnormal=False)))
def test_an_iir_filter_without_feedback_is_a_fir_filter(series: Floats, weights: Floats) -> None:
    feed_forward = filters.iir(series, weights, [1])
    fir = filters.fir(series, weights, False)

    assert feed_forward is not None
    assert fir is not None
    assert close(feed_forward, fir, series * 15)


@STEADY
@given(SERIES)
def test_running_sum_and_difference_undo_each_other(series: Floats) -> None:
    summed = filters.iir(series, [1], [1, -1])
    assert summed is not None

    again = filters.fir(summed, [1, -1], False)
    assert again is not None
    assert close(again, series, series * len(series))


@STEADY
@given(GAPPY)
def test_fills_leave_what_is_there_and_nothing_else_missing(series: list[float | None]) -> None:
    for fill in (filling.forward, filling.backward, filling.linear):
        filled = fill(series)
        assert filled is not None
        assert [new for new, old in zip(filled, series, strict=True) if old is not None] == [
            old for old in series if old is not None
        ]
    assert None not in (filling.linear(series) or [])
    assert None not in (filling.const(series, 7) or [])
    known = [value for value in series if value is not None]
    if known:
        filled = filling.linear(series) or []
        assert min(known) - 1 <= min(filled) <= max(filled) <= max(known) + 1


@STEADY
@given(SERIES, SERIES)
def test_correlation_is_symmetric_within_one_and_whole_with_itself(one: Floats, two: Floats) -> None:
    length = min(len(one), len(two))
    found = summaries.pearson_correlation(one[:length], two[:length])

    assert found is not None
    assert np.isnan(found) or -1 <= found <= 1
    other = summaries.pearson_correlation(two[:length], one[:length])
    assert other == found or (np.isnan(found) and other is not None and np.isnan(other))


@STEADY
@given(st.lists(st.integers(-(2**31), 2**31)), st.lists(st.integers(-(2**31), 2**31)))
def test_whole_numbers_stay_whole_and_exact(one: list[int], two: list[int]) -> None:
    added = elementwise(ARITHMETIC["multiply"], whole=True)(one, two)

    length = min(len(one), len(two))
    assert list(added)[:length] == [a * b for a, b in zip(one, two, strict=False)]
    assert list(added)[length:] == [None] * abs(len(one) - len(two))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["NaN", "tukey"]),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.parametrize("name", sorted(SERIES_FUNCTIONS))
@given(arguments=st.lists(JSON | st.lists(st.floats() | st.integers(), max_size=12), min_size=8, max_size=8))
@settings(max_examples=12, derandomize=True)
def test_any_arguments_give_an_answer_or_are_refused(name: str, arguments: list[object]) -> None:
    function = SERIES_FUNCTIONS[name]
    try:
        found = function.answer(*arguments[: min(function.most, len(arguments))])
    except SeriesMistake:
        return

    if function.has_columns and found is not None:
        assert len(found) == len(function.columns)
