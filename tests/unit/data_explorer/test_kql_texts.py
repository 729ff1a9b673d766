"""What is read from texts: spellings of operators, and keys with their values."""

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from local.data_explorer.errors import SyntaxMistake
from local.data_explorer.kql.key_values import Options, key_values
from local.data_explorer.kql.spellings import respelled

pieces = st.sampled_from(
    [
        "T",
        "|",
        " ",
        "serialize",
        "parse-kv",
        "as",
        "with",
        "(",
        ")",
        "a:long",
        "=",
        "'x'",
        "evaluate f()",
        ":",
        "*",
        ",",
    ]
)


@settings(max_examples=100, deadline=None)
@given(st.lists(pieces, max_size=25).map("".join) | st.text(max_size=60))
def test_any_text_is_respelled_or_refused_as_a_syntax_mistake(text: str) -> None:
    with contextlib.suppress(SyntaxMistake):
        assert respelled(text).count("\n") == text.count("\n")


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet="serialize parse-kv()|'", max_size=40).map(lambda text: text.replace("'", "")))
def test_what_is_in_a_string_or_a_comment_is_left_alone(text: str) -> None:
    query = f"print x = '| {text} | serialize' // | serialize"

    assert respelled(query) == query


words = st.text(alphabet="abcxyz019_", min_size=1, max_size=8)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(words, st.text(alphabet='abc ;=:"\\', max_size=10), min_size=1, max_size=5))
def test_quoted_values_of_any_content_come_out_as_they_went_in(pairs: dict[str, str]) -> None:
    def quoted(value: str) -> str:
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'

    text = "; ".join(f"{key} = {quoted(value)}" for key, value in pairs.items())
    options = Options(pair_delimiter=";", kv_delimiter="=", quotes=('""',), escapes=("\\",))

    assert key_values(text, [*pairs, "missing!"], options) == [*(value.strip() for value in pairs.values()), None]


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=60), st.booleans(), st.sampled_from(["", "=", "::"]))
def test_any_text_has_the_keys_that_it_has(text: str, greedy: bool, delimiter: str) -> None:
    options = Options(pair_delimiter=",", kv_delimiter=delimiter, quotes=("''",), escapes=("\\",), greedy=greedy)

    (value,) = key_values(text, ["a"], options)
    assert value is None or (value in text.replace("\\", "") or "\\" in text)
