"""Values of query parameters: azure-kusto-data sends KQL literals as text, or plain JSON values."""

import json
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from local.data_explorer.commands.reader import CommandReader
from local.data_explorer.commands.tokens import Kind
from local.data_explorer.errors import SemanticMistake, SyntaxMistake

_TRUTH = {"true": True, "1": True, "false": False, "0": False}
_NULL = "null"


def python_value(value: Any, kind: str, name: str) -> Any:
    """The value that a parameter of Kusto type `kind` takes. Raises SemanticMistake when it can't."""
    if isinstance(value, str):
        text = _literal_text(value, kind)
        if text is None:
            return None
    elif isinstance(value, dict | list):
        text = json.dumps(value)
    else:
        text = str(value)
    convert = _CONVERSIONS.get(kind, str)
    try:
        return convert(text)
    except (ValueError, KeyError, InvalidOperation):
        raise SemanticMistake(f"Query parameter '{name}': {value!r} is no {kind}.", error="SEM0253") from None


def _literal_text(value: str, kind: str) -> str | None:
    """`datetime(2020-01-01)` → `2020-01-01`, `"a"` → `a`, `long(null)` → None; anything else as it is."""
    try:
        reader = CommandReader(value)
    except SyntaxMistake:
        return value
    if reader.token.kind is Kind.STRING and reader.token.text == value.strip():
        return reader.string()
    if reader.token.kind is Kind.WORD and value.strip().endswith(")") and kind != "string":
        reader.take()
        if reader.is_words("("):
            inner = reader.bracketed()[1:-1].strip()
            return None if inner == _NULL else inner.strip("\"'")
    return None if kind != "string" and value.strip() == _NULL else value


_CONVERSIONS: dict[str, Callable[[str], Any]] = {
    "bool": lambda text: _TRUTH[text.strip().lower()],
    "int": int,
    "long": int,
    "real": float,
    "decimal": Decimal,
}
