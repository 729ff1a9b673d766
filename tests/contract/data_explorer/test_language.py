"""Queries that duckdb-kql alone refuses or answers otherwise than the service does."""

from collections.abc import Callable

import pytest
from azure.kusto.data.exceptions import KustoApiError

from tests.contract.data_explorer.conftest import Kusto

Named = Callable[[str], str]


@pytest.fixture
def function(kusto: Kusto, named: Named) -> str:
    """A stored function of three parameters, the last two with defaults, that answers what it was given."""
    name = named("Given")
    kusto.rows(f".create function {name}(a: long, b: string = 'b', c: real = 0.5) {{ print a, b, c }}")
    return name


def test_arguments_of_stored_functions_are_given_by_place_and_by_name(kusto: Kusto, function: str) -> None:
    assert kusto.rows(f"{function}(1)") == [(1, "b", 0.5)]
    assert kusto.rows(f"{function}(1, c = 2.5)") == [(1, "b", 2.5)]
    assert kusto.rows(f"{function}(c = 2.5, a = 1 + 1, b = 'x')") == [(2, "x", 2.5)]
    assert kusto.rows(f"let n = 7; {function}(a = n) | union {function}(n, 'y')") == [(7, "b", 0.5), (7, "y", 0.5)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("b = 'x'", "'a' has no value"),
        ("1, d = 2", "no parameter 'd'"),
        ("1, a = 2", "'a' is given twice"),
        ("a = 1, 'x', 2.5, 4", "takes 3 arguments"),
    ],
)
def test_wrong_arguments_are_semantic_errors(kusto: Kusto, function: str, arguments: str, said: str) -> None:
    with pytest.raises(KustoApiError) as caught:
        kusto.rows(f"{function}({arguments})")

    error = caught.value.get_api_error()
    assert error.permanent
    assert said in str(error)


def test_a_dynamic_null_takes_the_type_of_the_other_branches(kusto: Kusto) -> None:
    rows = kusto.rows(
        """
        datatable(V: dynamic)[dynamic("a"), dynamic(5)]
        | extend Kind = gettype(V)
        | extend
            L = iff(Kind == "long", tolong(V), parse_json("null")),
            S = iff(Kind != "string", dynamic(null), tostring(V)),
            C = case(Kind == "long", toreal(V), Kind == "string", parse_json("null"), 0.0)
        | project L, S, C, strlen(S), L + 1, C / 2
        """
    )

    assert rows == [(None, "a", None, 1, None, None), (5, "", 5.0, 0, 6, 2.5)]


def test_coalesce_passes_over_nulls_and_empty_strings(kusto: Kusto) -> None:
    rows = kusto.rows(
        """
        datatable(S: string, L: long, R: real, T: datetime)[
            "", long(null), 1.5, datetime(null), "s", 2, real(null), datetime(2026-01-05)]
        | project coalesce(S, "other"), coalesce(R, toreal(L)), coalesce(L, 0), coalesce(T, datetime(2000-01-01))
        """
    )

    assert rows == [
        ("other", 1.5, 0, "2000-01-01T00:00:00Z"),
        ("s", 2.0, 2, "2026-01-05T00:00:00Z"),
    ]


def test_arg_max_takes_its_columns_from_one_row_even_of_a_tie(kusto: Kusto) -> None:
    rows = kusto.rows(
        """
        range N from 1 to 50000 step 1
        | extend Key = N % 10, Time = datetime(2026-01-05)
        | extend A = N, B = iff(N % 3 == 0, long(null), N), C = strcat("c", N)
        | summarize arg_max(Time, *) by Key
        | project Key, Same = C == strcat("c", A) and N == A and coalesce(B, A) == A, Null = isnull(B) == (A % 3 == 0)
        """
    )

    assert sorted(rows) == [(key, True, True) for key in range(10)]


def test_arg_max_keeps_nulls_and_answers_for_a_group_of_nulls_too(kusto: Kusto) -> None:
    rows = kusto.rows(
        """
        datatable(Key: string, Time: datetime, Value: long)[
            "a", datetime(2026-01-05), 1, "a", datetime(2026-01-06), long(null), "b", datetime(null), 3]
        | summarize arg_max(Time, Value) by Key
        | order by Key asc
        """
    )

    assert rows == [("a", "2026-01-06T00:00:00Z", None), ("b", None, 3)]


def test_bags_with_any_key_are_expanded(kusto: Kusto) -> None:
    rows = kusto.rows(
        r"""
        print Bag = dynamic({"a\"b": 1, "a'b": {"x": 2}, "a.b": null, "": [3], "$.*": "s", "é\\": true})
        | mv-expand kind=array Pair = Bag
        | project Key = tostring(Pair[0]), Value = tostring(Pair[1])
        | order by Key asc
        """
    )

    assert sorted(rows) == sorted(
        [('a"b', "1"), ("a'b", '{"x":2}'), ("a.b", ""), ("", "[3]"), ("$.*", "s"), ("é\\", "true")]
    )


def test_members_are_found_by_keys_of_any_content_known_only_at_run_time(kusto: Kusto) -> None:
    rows = kusto.rows(
        r"""
        print Bag = dynamic({"a\"b": 1, "x/y": {"z": 2}, "": 3, "~": [4, 5]}), List = dynamic([10, 20])
        | extend Keys = bag_keys(Bag), Place = 1
        | mv-expand Key = Keys to typeof(string)
        | project Key, A = Bag[Key], B = Bag["x/y"].z, C = Bag["a\"b"], D = Bag["~"][Place], E = List[Place - 2],
            F = List[Place], G = Bag[strcat(Key, "?")]
        """
    )

    found = {key: (member, *others) for key, member, *others in rows}
    common = (2, 1, 5, 20, 20, None)
    assert found == {'a"b': (1, *common), "x/y": ({"z": 2}, *common), "": (3, *common), "~": ([4, 5], *common)}
