"""What the translator does not know, told to the client by its name and its place in the query."""

from duckdb_kql.errors import KqlUnsupportedError

from local.data_explorer.commands.tokens import Kind, Token, tokenize
from local.data_explorer.errors import SemanticMistake, SyntaxMistake

_NODES = ("Operator", "Expression", "Statement", "Parameter")


def not_supported(error: KqlUnsupportedError, text: str, lines_before: int) -> SemanticMistake:
    """`lines_before` were written before the client's `text`. What a stored function's body uses has no place in it."""
    tokens = _tokens(text)
    at_span = None
    if error.span is not None:
        position = _position(text, error.span.line - lines_before, error.span.column)
        at_span = next((token for token in tokens if token.start <= position < token.end), None)
    name = str(error.construct).rpartition(":")[2].strip()
    if name.endswith(_NODES) and at_span is not None:
        return _mistake(at_span.text, at_span, text, "")
    named = [token for token in tokens if token.value.lower() == name.lower()]
    place = at_span if at_span in named else next(iter(named), at_span)
    return _mistake(name, place, text, error.hint or "")


def _mistake(name: str, place: Token | None, text: str, hint: str) -> SemanticMistake:
    because = f" ({hint})" if hint and "in this wave" not in hint else ""
    reason = f"The local Data Explorer does not serve '{name}' as it is used here{because}"
    if place is None:
        return SemanticMistake(reason, error="SEM0001")
    line = text.count("\n", 0, place.start) + 1
    return SemanticMistake(reason, error="SEM0001", line=line, column=place.start - text.rfind("\n", 0, place.start))


def _position(text: str, line: int, column: int) -> int:
    lines = text.split("\n")
    return sum(len(each) + 1 for each in lines[: line - 1]) + column if 1 <= line <= len(lines) else -1


def _tokens(text: str) -> list[Token]:
    try:
        return [token for token in tokenize(text) if token.kind is not Kind.END]
    except SyntaxMistake:
        return []
