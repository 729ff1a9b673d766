"""The series_* functions in queries: Microsoft's documented examples, names of columns, types, and refusals."""

from typing import Any

import pytest

from tests.unit.data_explorer.conftest import Kql

TRAFFIC = """dynamic([80, 139, 87, 110, 68, 54, 50, 51, 53, 133, 86, 141, 97, 156, 94, 149, 95, 140, 77, 61, 50, 54, 47,
133, 72, 152, 94, 148, 105, 162, 101, 160, 87, 63, 53, 55, 54, 151, 103, 189, 108, 183, 113, 175, 113, 178, 90, 71, 62,
62, 65, 165, 109, 181, 115, 182, 121, 178, 114, 170])"""
"""Learn, "series_periods_detect()": a month of an application's traffic, twice a day."""
STATS = "dynamic([23, 46, 23, 87, 4, 8, 3, 75, 2, 56, 13, 75, 32, 16, 29])"
LINE = "dynamic([2, 5, 6, 8, 11, 15, 17, 18, 25, 26, 30, 30])"
LINE_FIT = [1.064, 3.795, 6.526, 9.256, 11.987, 14.718, 17.449, 20.180, 22.910, 25.641, 28.371, 31.102]
TWO_LINES = "dynamic([1, 2.2, 2.5, 4.7, 5.0, 12, 10.3, 10.3, 9, 8.3, 6.2])"


def scalar(kql: Kql, expression: str) -> Any:
    [(value,)] = kql.rows(f"print {expression}")
    return value


@pytest.mark.parametrize(
    ("expression", "documented"),
    [
        ("series_add(dynamic([1,2,4]), dynamic([4,2,1]))", [5, 4, 5]),
        ("series_subtract(dynamic([2,4,8]), dynamic([8,4,2]))", [-6, 0, 6]),
        ("series_multiply(dynamic([3,6,12]), dynamic([12,6,3]))", [36, 36, 36]),
        ("series_divide(dynamic([1,2,4]), dynamic([4,2,1]))", [0.25, 1.0, 4.0]),
        ("series_pow(dynamic([1,2,3,4]), dynamic([1,2,3,0.5]))", [1.0, 4.0, 27.0, 2.0]),
        ("series_equals(dynamic([1,2,4]), dynamic([4,2,1]))", [False, True, False]),
        ("series_not_equals(dynamic([1,2,4]), dynamic([4,2,1]))", [True, False, True]),
        ("series_less(dynamic([1,2,4]), dynamic([4,2,1]))", [True, False, False]),
        ("series_less_equals(dynamic([1,2,4]), dynamic([4,2,1]))", [True, True, False]),
        ("series_greater(dynamic([1,2,4]), dynamic([4,2,1]))", [False, False, True]),
        ("series_greater_equals(dynamic([1,2,4]), dynamic([4,2,1]))", [False, True, True]),
        ("series_abs(dynamic([-6.5,0,8.2]))", [6.5, 0, 8.2]),
        ("series_sign(dynamic([-6,0,8]))", [-1, 0, 1]),
        ("series_floor(dynamic([-1.5,1,2.5]))", [-2.0, 1.0, 2.0]),
        ("series_ceiling(dynamic([-1.5,1,2.5]))", [-1.0, 1.0, 3.0]),
        ("series_exp(dynamic([1,2,3]))", [2.7182818284590451, 7.38905609893065, 20.085536923187668]),
        ("series_log(dynamic([1,2,3]))", [0.0, 0.69314718055994529, 1.0986122886681098]),
        ("series_sin(dynamic([-1,0,1]))", [-0.8414709848078965, 0.0, 0.8414709848078965]),
        ("series_cos(dynamic([-1,0,1]))", [0.54030230586813976, 1.0, 0.54030230586813976]),
        ("series_tan(dynamic([-1,0,1]))", [-1.5574077246549023, 0.0, 1.5574077246549023]),
        ("series_asin(dynamic([-1,0,1]))", [-1.5707963267948966, 0.0, 1.5707963267948966]),
        ("series_acos(dynamic([-1,0,1]))", [3.1415926535897931, 1.5707963267948966, 0.0]),
        ("series_atan(dynamic([-1,0,1]))", [-0.78539816339744828, 0.0, 0.78539816339744828]),
        ("series_fill_backward(dynamic([111,null,36,41,null,null,16,61,33,null,null]))",
         [111, 36, 36, 41, 16, 16, 16, 61, 33, None, None]),
        ("series_fill_forward(dynamic([null,null,36,41,null,null,16,61,33,null,null]))",
         [None, None, 36, 41, 41, 41, 16, 61, 33, 33, 33]),
        ("series_fill_const(dynamic([111,null,36,41,23,null,16,61,33,null,null]), 0.0)",
         [111, 0.0, 36, 41, 23, 0.0, 16, 61, 33, 0.0, 0.0]),
        ("series_fill_const(dynamic([111,null,36,41,23,null,16,61,33,null,null]), -1)",
         [111, -1, 36, 41, 23, -1, 16, 61, 33, -1, -1]),
        ("series_fill_linear(dynamic([null,111,null,36,41,null,null,16,61,33,null,null]))",
         [111, 111, 73, 36, 41, 32, 24, 16, 61, 33, 33, 33]),
        ("series_fill_linear(dynamic([null,111,null,36,41,null,null,16,61,33,null,null]), double(null), false)",
         [None, 111, 73, 36, 41, 32, 24, 16, 61, 33, None, None]),
        ("series_fill_linear(dynamic([null,null,null,null]))", [0.0, 0.0, 0.0, 0.0]),
        ("series_fill_linear(dynamic([null,null,null,null]), double(null), true, 3.14159)", [3.14159] * 4),
        ("series_fir(dynamic([0,0,0,0,2,2,2,2,3,3,3,3]), dynamic([1,-1]), false, false)",
         [0, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0]),
        ("series_iir(dynamic([1,2,3,4]), dynamic([1]), dynamic([1,-1]))", [1.0, 3.0, 6.0, 10.0]),
        ("array_iff(dynamic([true,false,true]), dynamic([1,2,3]), dynamic([4,5,6]))", [1, 5, 3]),
        ("array_iff(dynamic([1,0,50]), 'yes', 'no')", ["yes", "no", "yes"]),
        ("array_iff(dynamic(['some string value', null]), 1, 0)", [None, None]),
        ("array_iif(dynamic([true,true,true]), dynamic([1,2]), dynamic([3,4]))", [1, 2, None]),
        ("series_seasonal(dynamic([2,5,3,4,3,2,1,2,3,4,3,2,1,2,3,4,3,2,1,2,3,4,3,2,1]))",
         [1.0, 2.0, 3.0, 4.0, 3.0, 2.0] * 4 + [1.0]),
        ("series_seasonal(dynamic([8,12,14,12,10,10,12,14,12,10,10,12,14,12,10,10,12,14,12,10]))",
         [10.0, 12.0, 14.0, 12.0, 10.0] * 4),
        ("series_seasonal(dynamic([1,3,5,2,4,6,1,3,5,2,4,6]))", [0.0] * 12),
        ("series_seasonal(dynamic([1,3,5,1,3,5,2,4,6]), 3)", [1.0, 3.0, 5.0] * 3),
        ("series_seasonal(dynamic([1,3,5,2,4,6,1,3,5,2,4,6]), 3)", [1.5, 3.5, 5.5] * 4),
    ],
)  # fmt: skip
def test_documented_examples_of_a_series_come_out(kql: Kql, expression: str, documented: list[Any]) -> None:
    assert scalar(kql, expression) == pytest.approx(documented)


@pytest.mark.parametrize(
    ("expression", "documented"),
    [
        ("series_sum(dynamic([1,2,3,4]))", 10),
        ("series_product(dynamic([1,2,3,4]))", 24),
        ("series_magnitude(dynamic([1,2,3,4]))", 5.4772255750516612),
        ("series_dot_product(dynamic([2,4,8]), dynamic([8,4,2]))", 48),
        ("series_dot_product(dynamic([3,6,12]), 3)", 63),
        ("series_cosine_similarity(dynamic([0.1,0.2,0.1,0.2]), dynamic([0.11,0.2,0.11,0.21]))", 0.99935343825504),
        ("series_cosine_similarity(dynamic([0.1,0.2,0.1,0.2]), dynamic([1,2,3,4]))", 0.923760430703401),
        ("series_pearson_correlation(dynamic([1,2,3,4,5]), dynamic([2,4,6,8,10]))", 1),
        ("todouble(series_iir(dynamic([0,1,2,3,4]), dynamic([1]), dynamic([1,-1]))[4])", 10),
    ],
)
def test_documented_examples_of_a_number_come_out(kql: Kql, expression: str, documented: float) -> None:
    assert scalar(kql, expression) == pytest.approx(documented)


def test_documented_fills_of_reals_are_exact(kql: Kql) -> None:
    series = "dynamic([null, 111.0, null, 36.0, 41.0, null, null, 16.0, 61.0, 33.0, null, null])"

    filled = [111.0, 111.0, 73.5, 36.0, 41.0, 32.667, 24.333, 16.0, 61.0, 33.0, 33.0, 33.0]
    assert scalar(kql, f"series_fill_linear({series})") == pytest.approx(filled, abs=1e-3)
    edges = scalar(kql, f"series_fill_linear({series}, double(null), false)")
    assert (edges[0], edges[-2:]) == (None, [None, None])


def test_documented_moving_averages_shift_the_peak_unless_centered(kql: Kql) -> None:
    series = "dynamic([0,0,0,0,0,0,0,0,0,10,20,40,100,40,20,10,0,0,0,0,0,0,0,0])"

    behind = scalar(kql, f"series_fir({series}, dynamic([1,1,1,1,1]))")
    centered = scalar(kql, f"series_fir({series}, dynamic([1,1,1,1,1]), true, true)")

    assert max(behind) == behind[14] == pytest.approx(44)
    assert centered[:-2] == behind[2:]


def test_documented_statistics_come_out_as_columns_and_as_a_bag(kql: Kql) -> None:
    columns = [
        *("series_stats_x_min:real", "series_stats_x_min_idx:long", "series_stats_x_max:real"),
        *("series_stats_x_max_idx:long", "series_stats_x_avg:real", "series_stats_x_stdev:real"),
        "series_stats_x_variance:real",
    ]
    query = f"print x = {STATS} | project series_stats(x)"
    assert kql.columns(query) == columns
    assert kql.rows(query)[0] == pytest.approx((2, 8, 87, 3, 32.8, 28.5036338535483, 812.457142857143))

    assert scalar(kql, f"series_stats_dynamic({STATS})") == pytest.approx(
        {
            "min": 2.0,
            "min_idx": 8,
            "max": 87.0,
            "max_idx": 3,
            "avg": 32.8,
            "stdev": 28.503633853548269,
            "variance": 812.45714285714291,
            "sum": 492.0,
            "len": 15,
        }
    )


def test_documented_line_comes_out_as_columns_and_as_a_bag(kql: Kql) -> None:
    query = f"print y = {LINE} | extend (RSquare, Slope, Variance, RVariance, Interception, LineFit) = "
    [row] = kql.rows(f"{query} series_fit_line(y) | project-away y")
    [bag] = kql.rows(f"print fit = series_fit_line_dynamic({LINE})")

    numbers = (0.982, 2.730, 98.628, 1.686, -1.666)
    assert row[:5] == pytest.approx(numbers, abs=1.1e-3)
    assert row[5] == pytest.approx(LINE_FIT, abs=1.1e-3)
    names = ("rsquare", "slope", "variance", "rvariance", "interception")
    assert [bag[0][name] for name in names] == list(row[:5])
    assert bag[0]["line_fit"] == row[5]


def test_documented_two_lines_meet_where_the_trend_changes(kql: Kql) -> None:
    [row] = kql.rows(f"print y = {TWO_LINES} | extend (RSquare2, SplitIdx) = series_fit_2lines(y) | project-away y")
    bag = scalar(kql, f"series_fit_2lines_dynamic({TWO_LINES})")

    assert row == (bag["rsquare"], bag["split_idx"])
    assert row[1] == 5
    assert bag["rsquare"] > 0.98 > scalar(kql, f"series_fit_line_dynamic({TWO_LINES}).rsquare")
    assert bag["left"]["slope"] > 1 > -1 > bag["right"]["slope"]
    assert len(bag["line_fit"]) == 11


def test_documented_period_is_detected_and_validated(kql: Kql) -> None:
    query = (
        f"print y = {TRAFFIC} | project series_periods_detect(y, 0.0, 50.0, 2), series_periods_validate(y, 14.0, 10.0)"
    )

    assert kql.columns(query) == [
        "series_periods_detect_y_periods:dynamic",
        "series_periods_detect_y_scores:dynamic",
        "series_periods_validate_y_periods:dynamic",
        "series_periods_validate_y_scores:dynamic",
    ]
    [(periods, scores, validated, validated_scores)] = kql.rows(query)
    assert (periods, validated) == ([14, 0], [14.0, 10.0])
    assert scores == validated_scores == [pytest.approx(0.84, abs=0.005), 0.0]


def test_outliers_have_the_scores_that_the_service_gives(kql: Kql) -> None:
    """The numbers that the function's author explains on Stack Overflow, question 75264555."""
    series = "dynamic([-3, 2.4, 15, 3.9, 5, 6, 4.5, 5.2, 3, 4, 5, 16, 7, 5, 5, 4])"

    scores = [-1.9040785483608571, -0.10021466044004519, 1.3361954725339347, *[0.0] * 8, 1.6702443406674186, *[0.0] * 4]
    assert scalar(kql, f"series_outliers({series})") == pytest.approx(scores, rel=1e-13)
    assert scalar(kql, f"series_outliers({series}, 'ctukey', -3)")[0] == 0
    assert scalar(kql, "series_outliers(dynamic([1, null, 2, 3, 2, 1, 90]), 'tukey')")[1] == 0


def test_documented_outliers_are_at_the_first_day_of_each_month(kql: Kql) -> None:
    query = """
        range x from 0 to 364 step 1
        | extend t = datetime(2023-01-01) + 1d*x
        | extend y = rand() * 10
        | extend y = iff(monthofyear(t) != monthofyear(prev(t)), y+20, y)
        | summarize t = make_list(t), series = make_list(y)
        | extend outliers=series_outliers(series)
        | extend pos_anomalies = array_iff(series_greater_equals(outliers, 1.5), 1, 0)
        | mv-expand t to typeof(datetime), pos_anomalies to typeof(long)
        | where pos_anomalies == 1
        | summarize make_list(dayofmonth(t))
    """
    [(days,)] = kql.rows(query)

    assert days in ([1] * 12, [1] * 11)


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ("extend (a, b) = series_fit_line(x)", "x a b"),
        ("extend a = series_fit_line(x)", "x a"),
        ("project (a, b) = series_decompose(x)", "a b series_decompose_x_trend series_decompose_x_residual"),
        ("project series_decompose_anomalies(x)", "ad_flag ad_score baseline"),
        ("project series_stats(series_add(x, 0))", "_min _min_idx _max _max_idx _avg _stdev _variance"),
        ("project series_decompose_forecast(x, 1)", "baseline seasonal trend residual"),
    ],
)
def test_columns_have_the_names_given_and_else_the_documented_ones(kql: Kql, query: str, columns: str) -> None:
    found = kql.table(f"print x = dynamic([1, 2, 3]) | {query}").columns
    name = query.partition("series_")[2].partition("(")[0]
    wanted = columns.split()
    if query.startswith("project series_"):
        inner = "" if "series_add" in query else "x_"
        wanted = [f"series_{name}_{inner}{column}" for column in wanted]

    assert [column.name for column in found] == wanted


def test_several_columns_can_be_printed_and_taken_of_a_path(kql: Kql) -> None:
    assert kql.columns("print (a, b) = series_stats(dynamic([1, 2]))") == ["a:real", "b:long"]
    found = kql.columns("print y = dynamic({'foo': [1, 2]}) | project series_periods_detect(y.foo, 4, 9, 1)")
    assert found == ["series_periods_detect_y_foo_periods:dynamic", "series_periods_detect_y_foo_scores:dynamic"]


def test_lists_of_aggregates_are_series_too(kql: Kql) -> None:
    query = "range x from 1 to 5 step 1 | summarize l = make_list(x), r = make_list(x / 2.0)"

    assert kql.rows(f"{query} | project series_add(l, 1), series_add(r, r)") == [
        ([2, 3, 4, 5, 6], [1.0, 2.0, 3.0, 4.0, 5.0])
    ]


def test_documented_running_sum_wrapped_in_a_function(kql: Kql) -> None:
    rows = kql.rows(
        "let x = range(1.0, 10, 1); print x = x, y = series_iir(x, dynamic([1]), dynamic([1, -1])) | mv-expand x, y"
    )
    assert rows[:4] == [(1.0, 1.0), (2.0, 3.0), (3.0, 6.0), (4.0, 10.0)]

    vector_sum = """
        let vector_sum=(x: dynamic) {
            let y=array_length(x) - 1;
            todouble(series_iir(x, dynamic([1]), dynamic([1, -1]))[y])
        };
        print d=dynamic([0, 1, 2, 3, 4])
        | extend dd=vector_sum(d)
    """
    assert kql.rows(vector_sum) == [([0, 1, 2, 3, 4], 10)]


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("range(1, 8, 3)", [1, 4, 7]),
        ("range(3, 1)", []),
        ("range(1.0, 2, 0.5)", [1.0, 1.5, 2.0]),
        ("range(1h, 3h, 1h)", ["01:00:00", "02:00:00", "03:00:00"]),
        ("range(datetime(2026-01-01), datetime(2026-01-01 12:00), 12h)",
         ["2026-01-01T00:00:00.0000000Z", "2026-01-01T12:00:00.0000000Z"]),
        ("repeat(1, 3)", [1, 1, 1]),
        ("repeat('a', 2)", ["a", "a"]),
        ("series_fir(range(1.0, 5.0, 1.0), repeat(1, 2), true, true)", [0.5, 1.5, 2.5, 3.5, 4.5]),
    ],
)  # fmt: skip
def test_ranges_and_repeated_values_are_series(kql: Kql, expression: str, found: list[Any]) -> None:
    assert scalar(kql, expression) == found


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("series_add(dynamic([1, 'a', 3]), dynamic([1, 1]))", [2, None, None]),
        ("series_divide(dynamic([1, -1, 0, 1]), dynamic([0, 0, 0, 4]))", ["Infinity", "-Infinity", "NaN", 0.25]),
        ("series_greater(series_divide(dynamic([1]), dynamic([0])), dynamic([5]))", [True]),
        ("series_multiply(10, dynamic([1, 0, -1]))", [10, 0, -10]),
        ("series_add(dynamic(null), dynamic([1]))", [None]),
        ("series_abs(dynamic(null))", None),
        ("series_sum(dynamic([1, null]))", None),
        ("series_pearson_correlation(dynamic([1, 2]), dynamic([1]))", None),
        ("series_pearson_correlation(dynamic([1, 2]), dynamic([3, 3]))", "NaN"),
        ("series_fill_const(dynamic([0, null, 1]), 5, 0)", [5, None, 1]),
        ("series_fill_linear(dynamic([null, null]), double(null), true, double(null))", [None, None]),
        ("series_fir(dynamic([1, 2]), dynamic([1, -1]), true)", None),
        ("series_fir(dynamic([1, null]), dynamic([1]))", None),
        ("series_outliers(dynamic([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 9]))", [0.0] * 11 + ["Infinity"]),
        ("series_outliers(dynamic([]))", []),
        ("series_stats_dynamic(dynamic([1, null])).max", None),
        ("series_stats_dynamic(dynamic([1, null, 7]), true).max", 7),
        ("series_fit_line_dynamic(dynamic([7])).line_fit", [7.0]),
        ("series_fit_2lines_dynamic(dynamic([1, 2, 3]))", None),
    ],
)
def test_what_is_no_number_and_what_is_not_finite(kql: Kql, expression: str, found: Any) -> None:
    assert scalar(kql, expression) == found


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("print series_add(dynamic([1]))", "series_add() takes 2 arguments, not 1"),
        ("print series_outliers(dynamic([1]), 'iqr')", "kind is 'tukey' or 'ctukey', not 'iqr'"),
        ("print series_outliers(dynamic([1]), 'ctukey', 0, 1, 50)", "percentiles are in 2 … 98"),
        ("print x = dynamic([1]) | extend series_decompose(x, 0, 'cubic')", "trend is 'avg', 'linefit' or 'none'"),
        ("print series_iir(dynamic([1]), dynamic([1]), dynamic([0]))", "the first denominator"),
        ("print x = dynamic([1]) | extend (a, b, c, d) = series_decompose_anomalies(x)", "gives 3 columns, not 4"),
        ("print x = dynamic([1]) | extend y = tostring(series_stats(x))", "gives several columns"),
        ("print x = dynamic([1]) | extend (a, b) = series_add(x, x)", "not as many expressions"),
        ("print x = dynamic([1]) | extend (a, b) = series_fft(x)", "does not serve 'series_fft'"),
    ],
)
def test_refusals_name_the_function_or_what_is_wrong(kql: Kql, query: str, told: str) -> None:
    assert told in kql.mistake(query).message


WEEKS = """
let ts = range t from 1 to 24*7*{weeks} step 1
    | extend y = (t * 7919 % 1000) / 500.0 + iff((t/24)%7>=5, {weekend}, 15.0) - (((t%24)/10)*((t%24)/10)) {trend}
    | extend y=iff(t==150 or t==200 or t==780, y-8.0, y)
    | extend y=iff(t==300 or t==400 or t==600, y+8.0, y)
    | summarize t = make_list(t), y = make_list(y);
"""
"""Learn, "series_decompose_anomalies()", with noise of 0 to 2 that is the same every time."""
INSERTED = {150: -1, 200: -1, 300: 1, 400: 1, 600: 1, 780: -1}


def weeks(*, trend: bool, count: int = 5) -> str:
    return WEEKS.format(weeks=count, weekend="5.0" if trend else "10.0", trend="+ t/72.0" if trend else "")


def flagged(kql: Kql, series: str, arguments: str) -> dict[int, int]:
    rows = kql.rows(f"{series} ts | project t, series_decompose_anomalies(y{arguments})")
    [(times, flags, scores, baseline)] = rows
    assert len(times) == len(flags) == len(scores) == len(baseline)
    return {time: flag for time, flag in zip(times, flags, strict=True) if flag}


def test_documented_outliers_in_a_weekly_pattern_are_spotted(kql: Kql) -> None:
    found = flagged(kql, weeks(trend=False), "")

    assert found.items() >= INSERTED.items()


def test_documented_trend_hides_outliers_until_it_is_fitted_and_a_higher_threshold_leaves_only_them(kql: Kql) -> None:
    series = weeks(trend=True)

    assert not flagged(kql, series, "").items() >= INSERTED.items()
    assert flagged(kql, series, ", 1.5, -1, 'linefit'").items() >= INSERTED.items()
    assert flagged(kql, series, ", 2.5, -1, 'linefit'") == INSERTED


def test_documented_forecast_goes_on_with_pattern_and_trend(kql: Kql) -> None:
    [(series, forecast)] = kql.rows(
        f"{weeks(trend=True)} ts | extend z = array_concat(array_slice(y, 0, 671), "
        "series_multiply(array_slice(y, 672, 839), 0)) | project y, series_decompose_forecast(z, 168, -1, 'linefit')"
        " | project y, series_decompose_forecast_z_baseline"
    )

    errors = [abs(one - other) for one, other in zip(series[672:], forecast[672:], strict=True)]
    assert sum(errors) / len(errors) < 1
    assert len(forecast) == 840


def test_documented_decomposition_finds_the_week_and_leaves_the_outliers_over(kql: Kql) -> None:
    names = "(baseline, seasonal, trend, residual)"
    [row] = kql.rows(f"{weeks(trend=False)} ts | extend {names} = series_decompose(y) | project-away t")
    series, baseline, seasonal, trend, residual = row

    assert seasonal[:168] == seasonal[168:336] != seasonal[24:192]
    assert baseline == pytest.approx([a + b for a, b in zip(seasonal, trend, strict=True)])
    assert series == pytest.approx([a + b for a, b in zip(baseline, residual, strict=True)])
    assert set(sorted(range(1, 841), key=lambda t: -abs(residual[t - 1]))[:6]) == INSERTED.keys()
