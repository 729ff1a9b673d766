"""The constructs of KQL that the local Data Explorer adds to duckdb-kql, and where each is documented.

`coverage` tells from the code which of them are supported, and from the tests which are tested.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["operator", "plugin", "relation", "aggregate", "function", "row function", "series function"]
DOCUMENTATION = "https://learn.microsoft.com/kusto/query/"
_PAGES: dict[Kind, dict[str, str]] = {
    "operator": {
        "make-series": "make-series-operator",
        "serialize": "serialize-operator",
        "mv-apply": "mv-apply-operator",
        "partition": "partition-operator",
        "project-keep": "project-keep-operator",
        "project-reorder": "project-reorder-operator",
        "top-nested": "top-nested-operator",
        "top-hitters": "top-hitters-operator",
        "sample": "sample-operator",
        "sample-distinct": "sample-distinct-operator",
        "as": "as-operator",
        "parse-kv": "parse-kv-operator",
        "render": "render-operator",
    },
    "plugin": {
        "bag_unpack": "bag-unpack-plugin",
        "pivot": "pivot-plugin",
        "narrow": "narrow-plugin",
    },
    "relation": {
        "materialized_view": "materialized-view-function",
        "external_table": "external-table-function",
        "table": "table-function",
    },
    "aggregate": {
        "percentiles": "percentiles-aggregation-function",
        "percentiles_array": "percentiles-aggregation-function",
        "make_bag": "make-bag-aggregation-function",
        "make_bag_if": "make-bag-if-aggregation-function",
        "make_list_if": "make-list-if-aggregation-function",
        "make_set_if": "make-set-if-aggregation-function",
        "maxif": "maxif-aggregation-function",
        "minif": "minif-aggregation-function",
    },
    "function": {
        "bag_keys": "bag-keys-function",
        "bag_merge": "bag-merge-function",
        "bag_has_key": "bag-has-key-function",
        "repeat": "repeat-function",
        "range": "range-function",
        "array_iff": "array-iff-function",
        "ingestion_time": "ingestion-time-function",
        "bin_at": "bin-at-function",
        "unixtime_seconds_todatetime": "unixtime-seconds-todatetime-function",
        "unixtime_milliseconds_todatetime": "unixtime-milliseconds-todatetime-function",
        "unixtime_microseconds_todatetime": "unixtime-microseconds-todatetime-function",
        "unixtime_nanoseconds_todatetime": "unixtime-nanoseconds-todatetime-function",
        "rand": "rand-function",
        "geo_distance_2points": "geo-distance-2points-function",
        "geo_point_to_geohash": "geo-point-to-geohash-function",
        "geo_point_in_circle": "geo-point-in-circle-function",
        "geo_point_in_polygon": "geo-point-in-polygon-function",
    },
    "row function": {
        "prev": "prev-function",
        "next": "next-function",
        "row_number": "row-number-function",
        "row_cumsum": "row-cumsum-function",
        "row_window_session": "row-window-session-function",
    },
    "series function": {
        "series_stats": "series-stats-function",
        "series_stats_dynamic": "series-stats-dynamic-function",
        "series_fir": "series-fir-function",
        "series_iir": "series-iir-function",
        "series_fit_line": "series-fit-line-function",
        "series_fit_line_dynamic": "series-fit-line-dynamic-function",
        "series_fit_2lines": "series-fit-2lines-function",
        "series_outliers": "series-outliers-function",
        "series_fill_linear": "series-fill-linear-function",
        "series_fill_forward": "series-fill-forward-function",
        "series_fill_backward": "series-fill-backward-function",
        "series_fill_const": "series-fill-const-function",
        "series_add": "series-add-function",
        "series_subtract": "series-subtract-function",
        "series_multiply": "series-multiply-function",
        "series_divide": "series-divide-function",
        "series_equals": "series-equals-function",
        "series_not_equals": "series-not-equals-function",
        "series_greater": "series-greater-function",
        "series_greater_equals": "series-greater-equals-function",
        "series_less": "series-less-function",
        "series_less_equals": "series-less-equals-function",
        "series_pearson_correlation": "series-pearson-correlation-function",
        "series_periods_detect": "series-periods-detect-function",
        "series_seasonal": "series-seasonal-function",
        "series_decompose": "series-decompose-function",
        "series_decompose_anomalies": "series-decompose-anomalies-function",
        "series_decompose_forecast": "series-decompose-forecast-function",
        "series_fit_2lines_dynamic": "series-fit-2lines-dynamic-function",
        "series_periods_validate": "series-periods-validate-function",
        "series_pow": "series-pow-function",
        "series_abs": "series-abs-function",
        "series_sign": "series-sign-function",
        "series_exp": "series-exp-function",
        "series_log": "series-log-function",
        "series_floor": "series-floor-function",
        "series_ceiling": "series-ceiling-function",
        "series_sin": "series-sin-function",
        "series_cos": "series-cos-function",
        "series_tan": "series-tan-function",
        "series_asin": "series-asin-function",
        "series_acos": "series-acos-function",
        "series_atan": "series-atan-function",
        "series_sum": "series-sum-function",
        "series_product": "series-product-function",
        "series_magnitude": "series-magnitude-function",
        "series_dot_product": "series-dot-product-function",
        "series_cosine_similarity": "series-cosine-similarity-function",
    },
}


@dataclass(frozen=True)
class Construct:
    """`page` is the construct's address in Microsoft's documentation."""

    name: str
    kind: Kind
    page: str


CONSTRUCTS = tuple(
    Construct(name, kind, DOCUMENTATION + page) for kind, pages in _PAGES.items() for name, page in pages.items()
)
