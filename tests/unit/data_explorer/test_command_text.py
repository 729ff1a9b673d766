"""Reading management commands: KQL's own lexical rules, any text at all, and scripts."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.data_explorer.commands.reader import CommandReader
from local.data_explorer.commands.scripts import split_script
from local.data_explorer.commands.tokens import Kind, tokenize
from local.data_explorer.errors import SyntaxMistake


def escaped(text: str) -> str:
    return "".join("\\" + c if c in "\\'\"" else {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(c, c) for c in text)


@given(st.text())
def test_string_literals_of_every_kind_mean_their_text(text: str) -> None:
    doubled = text.replace("'", "''")
    for literal in (f"'{escaped(text)}'", f'h"{escaped(text)}"', f"@'{doubled}'", f"h@'{doubled}'"):
        token, end = tokenize(literal)
        assert (token.kind, token.value, end.kind) == (Kind.STRING, text, Kind.END)


@given(st.text())
def test_any_text_is_read_or_is_a_syntax_mistake(text: str) -> None:
    try:
        tokens = tokenize(text)
    except SyntaxMistake:
        return
    assert [token.start for token in tokens] == sorted(token.start for token in tokens)
    assert all(text[token.start : token.end] == token.text for token in tokens)


@given(st.text(alphabet="abc ()[]{}'\"@\\,.:|<=`~-/\n", max_size=60))
def test_reader_never_fails_otherwise_than_by_a_syntax_mistake(text: str) -> None:
    for read in (CommandReader.columns, CommandReader.properties, CommandReader.names, CommandReader.bracketed):
        with contextlib.suppress(SyntaxMistake):
            assert read(CommandReader(text)) is not None


def test_mistake_tells_line_column_and_what_was_expected() -> None:
    reader = CommandReader("T\n  x")
    reader.name()

    with pytest.raises(SyntaxMistake, match=r"'x' found where '\(' was expected.*line:position=2:3"):
        reader.columns()


def test_columns_with_quoted_names_and_type_aliases() -> None:
    columns = CommandReader("(['a b']:int64, [\"c\"]: date, d:Boolean)").columns()

    assert [(column.name, column.type) for column in columns] == [("a b", "long"), ("c", "datetime"), ("d", "bool")]


def test_properties_take_strings_words_and_timespans() -> None:
    reader = CommandReader("with (Folder = 'a,b', backfill=true, lookback = 1.02:00:00, docString=@\"x\")")

    assert reader.properties() == {"folder": "a,b", "backfill": "true", "lookback": "1.02:00:00", "docstring": "x"}


def test_script_is_cut_at_commands_and_not_in_bodies_strings_or_comments() -> None:
    script = """
// .create table not (a:long)
.create table T (a:long)

.create-or-alter function F() {
    T
    // .drop table T

    | where s == '
.drop table T'
}
.alter table T policy update @'[{"Query":".x"}]'
// the end
"""
    assert [command.split("\n")[0] for command in split_script(script)] == [
        ".create table T (a:long)",
        ".create-or-alter function F() {",
        """.alter table T policy update @'[{"Query":".x"}]'""",
    ]
