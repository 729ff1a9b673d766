"""Functions and operators with the answers their pages give; `...` stands for undefined."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.cosmos.query import execute, parse
from local.cosmos.query.functions import FUNCTIONS
from tests.unit.cosmos_query.container import Container

UNDEFINED = ...
NOON = "'2025-02-04T12:30:45.1234567Z'"

STRINGS = [
    ("CONCAT('a', 'b', 'c')", "abc"),
    ("CONCAT('a', 1)", UNDEFINED),
    ("'a' || 'b' || 'c'", "abc"),
    ("'a' || null", UNDEFINED),
    ("CONTAINS('abc', 'BC')", False),
    ("CONTAINS('abc', 'BC', true)", True),
    ("CONTAINS(1, '1')", UNDEFINED),
    ("STARTSWITH('abc', 'AB', true)", True),
    ("STARTSWITH('abc', 'b')", False),
    ("ENDSWITH('abc', 'bc')", True),
    ("STRINGEQUALS('a', 'A')", False),
    ("StringEquals('a', 'A', true)", True),
    ("INDEX_OF('banana', 'an')", 1),
    ("INDEX_OF('banana', 'an', 2)", 3),
    ("INDEX_OF('banana', 'x')", -1),
    ("LASTINDEXOF('banana', 'an')", 3),
    ("LASTINDEXOF('banana', 'x')", -1),
    ("CONTAINS_ANY_CI('abc', 'X', 'B')", True),
    ("CONTAINS_ALL_CS('abc', 'a', 'B')", False),
    ("CONTAINS_ALL_CI('abc', 'a', 1)", UNDEFINED),
    ("LENGTH('é😀')", 2),
    ("LENGTH(null)", UNDEFINED),
    ("LOWER('ÀB')", "àb"),
    ("UPPER('aß')", "Aß"),
    ("REVERSE('abc')", "cba"),
    ("LEFT('abc', 2)", "ab"),
    ("LEFT('abc', 9)", "abc"),
    ("LEFT('abc', 0)", ""),
    ("LEFT('abc', 1.5)", UNDEFINED),
    ("RIGHT('abc', 2)", "bc"),
    ("SUBSTRING('abcdef', 1, 3)", "bcd"),
    ("SUBSTRING('abc', 0, -1)", ""),
    ("SUBSTRING('abc', 'x', 1)", UNDEFINED),
    ("REPLACE('aXbX', 'X', '--')", "a--b--"),
    ("REPLACE('abc', '', 'x')", UNDEFINED),
    ("REPLICATE('ab', 3)", "ababab"),
    ("REPLICATE('ab', 6000)", UNDEFINED),
    ("TRIM('  a  ')", "a"),
    ("TRIM('-_a_-', '-_')", "a"),
    ("LTRIM('  a  ')", "a  "),
    ("RTRIM('axx', 'x')", "a"),
    ("TRIM('a', null)", UNDEFINED),
    ("StringSplit('a-b--c', '-')", ["a", "b", "", "c"]),
    ("StringJoin(['a', 'b'], ', ')", "a, b"),
    ("ToString(1.50)", "1.5"),
    ("ToString(2049537175849502700)", "2.0495371758495027e+018"),
    ("ToString(1e-7)", "1e-007"),
    ("ToString([1, {'a': null}])", '[1,{"a":null}]'),
    ("ToString(undefined)", UNDEFINED),
    ("ToString(NaN)", "NaN"),
    ("StringToNumber(' 60 ')", 60),
    ("StringToNumber('1e2')", 100),
    ("StringToNumber('0x10')", UNDEFINED),
    ("StringToBoolean(' true')", True),
    ("StringToBoolean('True')", UNDEFINED),
    ("StringToNull('null')", None),
    ("StringToArray('[1, [2]]')", [1, [2]]),
    ("StringToArray('{}')", UNDEFINED),
    ("StringToObject('{\"a\": 1}')", {"a": 1}),
    ("StringToObject(\"{'a': 1}\")", UNDEFINED),
    ("REGEXMATCH('abcd', 'BC')", False),
    ("REGEXMATCH('abcd', 'B C', 'ix')", True),
    ("REGEXMATCH('a\\nb', '^b$')", False),
    ("REGEXMATCH('a\\nb', '^b$', 'm')", True),
    ("REGEXMATCH('a\\nb', 'a.b')", False),
    ("REGEXMATCH('a\\nb', 'a.b', 's')", True),
    ("REGEXMATCH('x12y', '[^0-9]\\\\d{2}(y|z)$')", True),
    ("REGEXMATCH('a cat', '\\\\bcat\\\\b')", True),
    ("REGEXMATCH('concat', '\\\\bcat')", False),
    ("REGEXMATCH('abc', '(')", UNDEFINED),
    ("REGEXMATCH('abc', 'a', 'q')", UNDEFINED),
    ("'50%' LIKE '50!%' ESCAPE '!'", True),
    ("'505' LIKE '50!%' ESCAPE '!'", False),
    ("'abc' LIKE 'a%c'", True),
    ("'abc' LIKE 'a_'", False),
    ("'bat' LIKE '[a-c]at'", True),
    ("'bat' LIKE '[^a-c]at'", False),
    ("'20-30%' LIKE '20-30[%]'", True),
    ("']' LIKE ']'", True),
    ("'aXbXc' LIKE '%X_X%'", True),
    ("'a' NOT LIKE 'b%'", True),
    ("1 LIKE '1'", UNDEFINED),
]
NUMBERS = [
    ("1 + 2 * 3", 7),
    ("(1 + 2) * 3", 9),
    ("7 % 4", 3),
    ("-7 % 4", -3),
    ("1 / 2", 0.5),
    ("1 / 0", UNDEFINED),
    ("1 + '1'", UNDEFINED),
    ("2 - -3", 5),
    ("0x1F", 31),
    (".5e1", 5),
    ("5 & 3", 1),
    ("5 | 3", 7),
    ("5 ^ 3", 6),
    ("~5", -6),
    ("100 >> 2", 25),
    ("100 << 2", 400),
    ("-1 >>> 0", 4294967295),
    ("2147483648 | 0", -2147483648),
    ("ABS(-1.5)", 1.5),
    ("ABS('1')", UNDEFINED),
    ("CEILING(-1.5)", -1),
    ("FLOOR(-1.5)", -2),
    ("ROUND(2.5)", 3),
    ("ROUND(-6.5)", -7),
    ("ROUND(2.345, 2)", 2.35),
    ("ROUND(1234, -2)", 1200),
    ("TRUNC(-2.78)", -2),
    ("SIGN(-3)", -1),
    ("SQRT(9)", 3),
    ("SQRT(-1)", UNDEFINED),
    ("SQUARE(-3)", 9),
    ("POWER(2, 10)", 1024),
    ("POWER(10, 400)", UNDEFINED),
    ("EXP(0)", 1),
    ("LOG(1)", 0),
    ("LOG(8, 2)", 3),
    ("LOG10(1000)", 3),
    ("PI()", 3.141592653589793),
    ("DEGREES(PI())", 180),
    ("RADIANS(180)", 3.141592653589793),
    ("SIN(0) + COS(0) + TAN(0)", 1),
    ("ASIN(0) + ACOS(1) + ATAN(0) + ATN2(0, 1)", 0),
    ("NumberBin(37.7, 10)", 30),
    ("IntDiv(10, -3)", -3),
    ("IntMod(-12, -5)", -2),
    ("IntDiv(10, 0)", UNDEFINED),
    ("IntAdd(20, 0.1)", UNDEFINED),
    ("IntBitLeftShift(16, 4)", 256),
    ("IS_INTEGER(5523432)", True),
    ("IS_INTEGER(0.5)", False),
    ("IS_FINITE_NUMBER(8.9 / 0.0)", False),
    ("IS_NUMBER('1')", False),
]
ARRAYS = [
    ("ARRAY_AVG([1, 2, 6])", 3),
    ("ARRAY_SUM([1, 2.5])", 3.5),
    ("ARRAY_SUM([1, '2'])", UNDEFINED),
    ("ARRAY_MAX([1, 'a', true])", "a"),
    ("ARRAY_MIN([1, 'a', null])", None),
    ("ARRAY_MEDIAN([4, 1, 2, 3])", 2.5),
    ("ARRAY_LENGTH([1, [2, 3]])", 2),
    ("ARRAY_LENGTH('ab')", UNDEFINED),
    ("ARRAY_CONCAT([1], [2, 3], [])", [1, 2, 3]),
    ("ARRAY_CONCAT([1], 2)", UNDEFINED),
    ("ARRAY_SLICE([1, 2, 3, 4], 1)", [2, 3, 4]),
    ("ARRAY_SLICE([1, 2, 3, 4], -2, 1)", [3]),
    ("ARRAY_SLICE([1, 2], 0, 12)", [1, 2]),
    ("ARRAY_SLICE([1, 2], 5)", []),
    ("ARRAY_CONTAINS([1, '2'], 2)", False),
    ("ARRAY_CONTAINS([1.0], 1)", True),
    ("ARRAY_CONTAINS([true], 1)", False),
    ("ARRAY_CONTAINS([{'a': 1, 'b': 2}], {'b': 2, 'a': 1})", True),
    ("ARRAY_CONTAINS([{'a': 1, 'b': 2}], {'a': 1})", False),
    ("ARRAY_CONTAINS([{'a': 1, 'b': 2}], {'a': 1}, true)", True),
    ("ARRAY_CONTAINS([{'a': 1, 'b': 2}], {'a': 2}, true)", False),
    ("ARRAY_CONTAINS('abc', 'a')", UNDEFINED),
    ("ARRAY_CONTAINS_ANY([1, 2], 3, 2)", True),
    ("ARRAY_CONTAINS_ALL([1, 2], 3, 2)", False),
    ("SetIntersect([1, 2, 'A', 'B'], ['A', 1])", ["A", 1]),
    ("SetUnion([1, 2], [2, 3])", [1, 2, 3]),
    ("ObjectToArray({'a': 1})", [{"k": "a", "v": 1}]),
    ("ObjectToArray({'a': 1}, 'name', 'value')", [{"name": "a", "value": 1}]),
    ("CHOOSE(2, 'a', 'b')", "b"),
    ("CHOOSE(3, 'a', 'b')", UNDEFINED),
    ("IIF(1 < 2, 'yes', 'no')", "yes"),
    ("IIF('true', 'yes', 'no')", "no"),
    ("[1, undefined, 2]", [1, 2]),
    ("{'a': undefined, b: 1}", {"b": 1}),
    ("[10, 20][1]", 20),
    ("{'a': {'b c': [5]}}.a['b c'][0]", 5),
    ("[1][1]", UNDEFINED),
]
LOGIC = [
    ("1 = 1.0", True),
    ("'a' = \"a\"", True),
    ("1 = '1'", False),
    ("1 != '1'", True),
    ("null = null", True),
    ("undefined = undefined", UNDEFINED),
    ("null != undefined", UNDEFINED),
    ("{'a': 1, 'b': [2]} = {'b': [2.0], 'a': 1}", True),
    ("[1, 2] = [2, 1]", False),
    ("['a', 'b'] = ['a\\u0000\\u0000\\u0005b']", False),
    ("['a\\u0000'] = ['a\\u0000']", True),
    ("1 < '2'", UNDEFINED),
    ("[1] < [2]", UNDEFINED),
    ("null <= null", True),
    ("false < true", True),
    ("'Z' < 'a'", True),
    ("'\\uffff' < '😀'", True),
    ("true AND undefined", UNDEFINED),
    ("false AND undefined", False),
    ("undefined OR true", True),
    ("undefined OR false", UNDEFINED),
    ("1 OR true", True),
    ("NOT undefined", UNDEFINED),
    ("NOT 1", UNDEFINED),
    ("NOT 1 = 2", True),
    ("true OR false AND false", True),
    ("2 BETWEEN 1 AND 3", True),
    ("'2' BETWEEN 1 AND 3", UNDEFINED),
    ("4 NOT BETWEEN 1 AND 3", True),
    ("2 IN (1, 2)", True),
    ("'2' IN (1, 2)", False),
    ("undefined IN (1)", UNDEFINED),
    ("undefined ?? null", None),
    ("null ?? 1", None),
    ("undefined ?? undefined ?? 3", 3),
    ("true ? 1 : 2", 1),
    ("undefined ? 1 : 2", 2),
    ("false ? 1 : true ? 2 : 3", 2),
    ("IS_DEFINED(undefined)", False),
    ("IS_NULL(undefined)", False),
    ("IS_PRIMITIVE([])", False),
    ("IS_BOOL(false)", True),
    ("IS_OBJECT({})", True),
    ("IS_ARRAY([])", True),
]
DATES = [
    ("DateTimeAdd('yyyy', 1, '2024-02-29')", "2025-02-28T00:00:00.0000000Z"),
    ("DateTimeAdd('mm', -1, '2025-03-31T01:00:00.0000000Z')", "2025-02-28T01:00:00.0000000Z"),
    (f"DateTimeAdd('ns', 150, {NOON})", "2025-02-04T12:30:45.1234568Z"),
    (f"DateTimeAdd('hh', 1.5, {NOON})", UNDEFINED),
    (f"DateTimeAdd('century', 1, {NOON})", UNDEFINED),
    ("DateTimeAdd('yyyy', 8000, '2025-01-01')", UNDEFINED),
    ("DateTimeDiff('yyyy', '2024-12-31T23:59:59Z', '2025-01-01T00:00:00Z')", 1),
    ("DateTimeDiff('mm', '2019-02-04T16:00:00.0000000', '2018-03-05T05:00:00.0000000')", -11),
    ("DateTimeDiff('hh', '2019-02-04T16:00:00.0000000', '2018-03-05T05:00:00.0000000')", -8075),
    ("DateTimeDiff('dd', 'yesterday', '2025-01-01')", UNDEFINED),
    (f"YEAR({NOON}) * 10000 + MONTH({NOON}) * 100 + DAY({NOON})", 20250204),
    ("IS_DATETIME('2023-03-06')", True),
    ("IS_DATETIME('2023-03-06Z')", True),
    ("IS_DATETIME('2023-03-06 15:29:59.9Z')", True),
    ("IS_DATETIME('2023-03-06T15:29Z')", False),
    ("IS_DATETIME('2023-03-06T15:29:59.12345678Z')", False),
    ("IS_DATETIME('2023-02-29')", False),
    ("IS_DATETIME(undefined)", False),
    ("AGO('hour', 1) < NOW()", True),
    ("AGO('day', 'x')", UNDEFINED),
    (f"DateTimePart('yyyy', {NOON})", 2025),
    (f"DateTimePart('dd', {NOON})", 4),
    (f"DateTimePart('ss', {NOON})", 45),
    (f"DateTimePart('mcs', {NOON})", 123456),
    (f"DateTimePart('ns', {NOON})", 123456700),
    (f"DateTimeBin({NOON}, 'hh')", "2025-02-04T12:00:00.0000000Z"),
    (f"DateTimeBin({NOON}, 'mi', 15)", "2025-02-04T12:30:00.0000000Z"),
    ("DateTimeBin('2021-01-08T18:35:00.0000000', 'dd', 7)", "2021-01-07T00:00:00.0000000Z"),
    ("DateTimeBin('2021-01-08T18:35:00', 'dd', 7, '1601-01-01')", "2021-01-04T00:00:00.0000000Z"),
    ("DateTimeBin('2021-01-08T18:35:00', 'dd', 7, '1600-12-31')", UNDEFINED),
    (f"DateTimeBin({NOON}, 'mm')", UNDEFINED),
    (f"DateTimeBin({NOON}, 'dd', 0)", UNDEFINED),
    ("DateTimeFromParts(2017, 4, 20, 13, 15, 20, 3456789)", "2017-04-20T13:15:20.3456789Z"),
    ("DateTimeFromParts(2017, 2, 30)", UNDEFINED),
    ("DateTimeToTicks('2015-05-19T12:00:00.0000000')", 14320368000000000),
    ("DateTimeToTicks('1970-01-01T00:00:00.0000001Z')", 1),
    ("DateTimeToTimestamp('2015-05-19T12:00:00.0000000')", 1432036800000),
    ("TicksToDateTime(15973607943002652)", "2020-08-13T23:19:54.3002652Z"),
    ("TicksToDateTime(17386682929911021)", "2025-02-04T11:24:52.9911021Z"),
    ("TicksToDateTime(DateTimeToTicks('2025-02-04T11:24:52.9911021Z'))", "2025-02-04T11:24:52.9911021Z"),
    ("TicksToDateTime(-116444736000000000)", "1601-01-01T00:00:00.0000000Z"),
    ("TimestampToDateTime(1597360794300)", "2020-08-13T23:19:54.3000000Z"),
    ("TimestampToDateTime('0')", UNDEFINED),
    ("LENGTH(GetCurrentDateTime())", 28),
    ("GetCurrentTimestamp() > 1700000000000", True),
    ("GetCurrentTicks() > 17000000000000000", True),
    ("GetCurrentDateTimeStatic() <= GetCurrentDateTime()", True),
]


@pytest.mark.parametrize(("expression", "expected"), [*STRINGS, *NUMBERS, *ARRAYS, *LOGIC, *DATES])
def test_expressions_evaluate_as_documented(expression: str, expected: Any) -> None:
    found = Container().value(expression)

    assert found == expected
    assert isinstance(found, bool) == isinstance(expected, bool)


EXTREMES: list[Any] = [
    *(None, True, False, 0, 1, -1, 2, 0.5, 1e300, -1e300, 2**53, -(2**63), 2**64 - 1, 5e-324),
    *(
        "",
        "a",
        "é😀",
        "\x00",
        "2025-02-04",
        "9999-12-31T23:59:59.9999999Z",
        "yyyy",
        "ns",
        "i",
        "[",
        "{}",
        "null",
        "1e400",
    ),
    *([], [1, "a", None], {}, {"k": [1]}, [[[]]], [1e300, 1e300]),
]


EMPTY = Container()


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(sorted(FUNCTIONS)), st.lists(st.sampled_from(EXTREMES), min_size=7, max_size=7))
def test_functions_take_any_values(name: str, values: list[Any]) -> None:
    low, high = FUNCTIONS[name].arity
    source = EMPTY.source()
    for count in range(low, min(high, 7) + 1):
        arguments = [f"@p{number}" for number in range(count)]
        query = parse(f"SELECT {name}({', '.join(arguments)}) AS v")

        page = execute(query, dict(zip(arguments, values, strict=False)), source)

        assert len(page.rows) == 1


def test_static_time_is_one_for_all_rows() -> None:
    container = Container([{"id": str(number)} for number in range(50)])

    assert len(container.query("SELECT DISTINCT VALUE GetCurrentTicksStatic() FROM c")) == 1
    assert len(container.query("SELECT DISTINCT VALUE GetCurrentTicks() FROM c")) > 1


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)*b", "(.*)*x", "a{1,30}a{1,30}a{1,30}b", "%a%a%a%a%a%a%b"])
def test_catastrophic_patterns_end_at_once(pattern: str) -> None:
    function = "@text LIKE @pattern" if "%" in pattern else "REGEXMATCH(@text, @pattern)"

    assert Container().value(function, {"@text": "a" * 3000 + "c", "@pattern": pattern}) is False
