"""DuckDB macros that the translated SQL calls: they choose by type at bind time, so a datetime keeps its 100 ns ticks.

DuckDB's own operators on TIMESTAMP_NS give microseconds; and duckdb-kql asks `typeof` for 'TIMESTAMP' where it means a
datetime, which the macro of that name answers for both.
"""

import duckdb

EARLIEST, LATEST = "1677-09-22 00:00:00", "2262-04-11 23:47:16.8547758"
"""About what TIMESTAMP_NS can hold."""
_TEXT_FORMATS = (
    "['%m-%d-%Y', '%m/%d/%Y', '%m.%d.%Y', '%m-%d-%Y %H:%M:%S', '%m/%d/%Y %H:%M:%S', '%-d %b %Y', '%b %-d, %Y', "
    "'%a, %d %b %Y %H:%M:%S GMT', '%Y%m%d']"
)
_MONDAY_NS = 259_200_000_000_000
"""From Monday 1969-12-29 to 1970-01-01: Kusto bins from 0001-01-01, a Monday."""

_MACROS = f"""
CREATE OR REPLACE MACRO main.typeof(x) AS replace(system.main.typeof(x), 'TIMESTAMP_NS', 'TIMESTAMP');

CREATE OR REPLACE MACRO main.kql_ticks(ns) AS make_timestamp_ns(ns // 100 * 100);

CREATE OR REPLACE MACRO main.kql_unixtime
  (x BIGINT, unit) AS CASE WHEN abs(x) <= 9223372036854775807 // unit THEN kql_ticks(x * unit) END,
  (x DOUBLE, unit) AS CASE WHEN abs(x) <= 9223372036854775000 / unit
    THEN kql_ticks(CAST(trunc(x) AS BIGINT) * unit + CAST((x - trunc(x)) * unit AS BIGINT)) END;

CREATE OR REPLACE MACRO main.kql_datetime_of_text(x) AS coalesce(
  kql_ticks(epoch_ns(TRY_CAST(x AS TIMESTAMPTZ_NS))),
  TRY_CAST(try_strptime(CAST(x AS VARCHAR), {_TEXT_FORMATS}) AS TIMESTAMP_NS));

CREATE OR REPLACE MACRO main.kql_datetime
  (x TIMESTAMP_NS) AS x,
  (x TIMESTAMP) AS TRY_CAST(x AS TIMESTAMP_NS),
  (x) AS kql_datetime_of_text(x);

CREATE OR REPLACE MACRO main.kql_datetime_text
  (x TIMESTAMP_NS) AS left(strftime(x, '%Y-%m-%dT%H:%M:%S.%n'), 27) || 'Z',
  (x) AS strftime(CAST(x AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%f') || '0Z';

CREATE OR REPLACE MACRO main.kql_add
  (a TIMESTAMP_NS, b INTERVAL) AS make_timestamp_ns(epoch_ns(a) + epoch_us(b) * 1000),
  (a, b) AS a + b;

CREATE OR REPLACE MACRO main.kql_subtract
  (a TIMESTAMP_NS, b INTERVAL) AS make_timestamp_ns(epoch_ns(a) - epoch_us(b) * 1000),
  (a TIMESTAMP_NS, b TIMESTAMP_NS) AS to_microseconds((epoch_ns(a) - epoch_ns(b)) // 1000),
  (a, b) AS a - b;

CREATE OR REPLACE MACRO main.kql_bin
  (v TIMESTAMP_NS, r INTERVAL) AS make_timestamp_ns(
    epoch_ns(v) - ((epoch_ns(v) + {_MONDAY_NS}) % (epoch_us(r) * 1000) + epoch_us(r) * 1000) % (epoch_us(r) * 1000)),
  (v INTERVAL, r INTERVAL) AS to_microseconds(
    epoch_us(v) - (epoch_us(v) % epoch_us(r) + epoch_us(r)) % epoch_us(r)),
  (v BIGINT, r BIGINT) AS v - ((v % nullif(r, 0)) + r) % nullif(r, 0),
  (v HUGEINT, r BIGINT) AS CAST(v - ((v % nullif(r, 0)) + r) % nullif(r, 0) AS BIGINT),
  (v DOUBLE, r DOUBLE) AS floor(v / r) * r;

CREATE OR REPLACE MACRO main.kql_bin_at
  (v TIMESTAMP_NS, r INTERVAL, f TIMESTAMP_NS) AS make_timestamp_ns(
    epoch_ns(v) - ((epoch_ns(v) - epoch_ns(f)) % (epoch_us(r) * 1000) + epoch_us(r) * 1000) % (epoch_us(r) * 1000)),
  (v INTERVAL, r INTERVAL, f INTERVAL) AS to_microseconds(
    epoch_us(v) - ((epoch_us(v) - epoch_us(f)) % epoch_us(r) + epoch_us(r)) % epoch_us(r)),
  (v BIGINT, r BIGINT, f BIGINT) AS v - ((v - f) % r + r) % r,
  (v HUGEINT, r BIGINT, f BIGINT) AS CAST(v - ((v - f) % r + r) % r AS BIGINT),
  (v DOUBLE, r DOUBLE, f DOUBLE) AS f + floor((v - f) / r) * r;

CREATE OR REPLACE MACRO main.kql_bin_origin
  (v TIMESTAMP_NS) AS make_timestamp_ns(-{_MONDAY_NS}),
  (v INTERVAL) AS to_microseconds(0),
  (v BIGINT) AS 0::BIGINT,
  (v HUGEINT) AS 0::BIGINT,
  (v DOUBLE) AS 0::DOUBLE;

CREATE OR REPLACE MACRO main.kql_floor_divided(a, b) AS (a - ((a % b) + b) % b) // b;

CREATE OR REPLACE MACRO main.kql_bin_number
  (v TIMESTAMP_NS, f TIMESTAMP_NS, r INTERVAL) AS kql_floor_divided(epoch_ns(v) - epoch_ns(f), epoch_us(r) * 1000),
  (v INTERVAL, f INTERVAL, r INTERVAL) AS kql_floor_divided(epoch_us(v) - epoch_us(f), epoch_us(r)),
  (v BIGINT, f BIGINT, r BIGINT) AS kql_floor_divided(v - f, r),
  (v HUGEINT, f BIGINT, r BIGINT) AS CAST(kql_floor_divided(v - f, r) AS BIGINT),
  (v DOUBLE, f DOUBLE, r DOUBLE) AS CAST(floor((v - f) / r) AS BIGINT);

CREATE OR REPLACE MACRO main.kql_bins
  (v TIMESTAMP_NS, f TIMESTAMP_NS, r INTERVAL) AS -kql_floor_divided(epoch_ns(f) - epoch_ns(v), epoch_us(r) * 1000),
  (v INTERVAL, f INTERVAL, r INTERVAL) AS -kql_floor_divided(epoch_us(f) - epoch_us(v), epoch_us(r)),
  (v BIGINT, f BIGINT, r BIGINT) AS -kql_floor_divided(f - v, r),
  (v DOUBLE, f DOUBLE, r DOUBLE) AS CAST(ceil((v - f) / r) AS BIGINT);

CREATE OR REPLACE MACRO main.kql_bin_start
  (f TIMESTAMP_NS, r INTERVAL, number) AS make_timestamp_ns(epoch_ns(f) + number * epoch_us(r) * 1000),
  (f INTERVAL, r INTERVAL, number) AS to_microseconds(epoch_us(f) + number * epoch_us(r)),
  (f BIGINT, r BIGINT, number) AS f + number * r,
  (f DOUBLE, r DOUBLE, number) AS f + number * r;

CREATE OR REPLACE MACRO main.kql_step
  (r INTERVAL) AS CASE WHEN epoch_us(r) > 0 THEN r ELSE error('make-series: its step has to be positive') END,
  (r BIGINT) AS CASE WHEN r > 0 THEN r ELSE error('make-series: its step has to be positive') END,
  (r DOUBLE) AS CASE WHEN r > 0 THEN r ELSE error('make-series: its step has to be positive') END;

CREATE OR REPLACE MACRO main.kql_series_places(first, last, longest) AS CASE
  WHEN last - first >= longest THEN error('make-series: a series has more than ' || longest || ' values')
  ELSE range(first, last + 1) END;

CREATE OR REPLACE MACRO main.kql_series_default
  (v BIGINT) AS 0::BIGINT,
  (v HUGEINT) AS 0::HUGEINT,
  (v DOUBLE) AS 0::DOUBLE,
  (v) AS NULL;

CREATE OR REPLACE MACRO main.kql_timespan_text(x) AS
  CASE WHEN epoch_us(x) < 0 THEN '-' ELSE '' END
  || CASE WHEN abs(epoch_us(x)) >= 86400000000 THEN (abs(epoch_us(x)) // 86400000000) || '.' ELSE '' END
  || strftime(make_timestamp(abs(epoch_us(x)) % 86400000000), '%H:%M:%S')
  || CASE WHEN epoch_us(x) % 1000000 <> 0
     THEN strftime(make_timestamp(abs(epoch_us(x)) % 86400000000), '.%f') || '0' ELSE '' END;

CREATE OR REPLACE MACRO main.kql_dynamic_list
  (x TIMESTAMP_NS[]) AS to_json(list_transform(x, lambda t: kql_datetime_text(t))),
  (x INTERVAL[]) AS to_json(list_transform(x, lambda t: kql_timespan_text(t))),
  (x BIGINT[]) AS to_json(x),
  (x HUGEINT[]) AS to_json(x),
  (x DOUBLE[]) AS CAST(replace(replace(replace(
    CAST(to_json(x) AS VARCHAR), 'NaN', '"NaN"'), 'Infinity', '"Infinity"'), '-"', '"-') AS JSON),
  (x) AS to_json(x);
"""


def install(cursor: duckdb.DuckDBPyConnection) -> None:
    """Makes the macros in the cursor's database."""
    cursor.execute(_MACROS)
