"""A query's text as tokens."""

import math
import re
from dataclasses import dataclass
from typing import Literal as OneOf

from local.digital_twins.query.errors import query_error

MAX_LENGTH = 8000
"""Characters of a query (Digital Twins service limits)."""

RESERVED = frozenset(
    {"ALL", "AND", "AS", "ASC", "AVG", "BY", "COUNT", "DESC", "DEVICES_JOBS", "DEVICES_MODULES", "DEVICES"}
    | {"ENDS_WITH", "FALSE", "FROM", "GROUP", "IN", "IS_BOOL", "IS_DEFINED", "IS_NULL", "IS_NUMBER", "IS_OBJECT"}
    | {"IS_PRIMITIVE", "IS_STRING", "MAX", "MIN", "NOT", "NOT_IN", "NULL", "OR", "ORDER", "SELECT", "STARTS_WITH"}
    | {"SUM", "TOP", "TRUE", "WHERE", "IS_OF_MODEL"}
)
"""No identifiers, in any case, unless in double square brackets ("Reserved keywords" of the language reference)."""

Kind = OneOf["name", "escaped", "number", "string", "symbol", "end"]


@dataclass(frozen=True, slots=True)
class Token:
    """`text` is as written; `value` is the string, number or name that it stands for."""

    kind: Kind
    text: str
    value: str | int | float
    start: int

    @property
    def word(self) -> str:
        """A name in upper case, as keywords and functions are compared; empty for anything else."""
        return self.text.upper() if self.kind == "name" else ""


_PIECE = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<string>'[^'\\]*+(?:\\.[^'\\]*+)*+')
  | (?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?(?!\w))
  | (?P<escaped>\[\[[^\[\]"\\\x00-\x1f]+\]\])
  | (?P<name>\$?[^\W\d]\w*)
  | (?P<symbol><=|>=|!=|\.\.|[-<>=().,\[\]*:|])
    """,
    re.VERBOSE | re.DOTALL,
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_PLAIN = {'"': '"', "'": "'", "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_SNIPPET = 12
_MAX_LONG = 2**63 - 1


def tokens(text: str) -> list[Token]:
    """The tokens of a query, the last of kind `end`. Raises ServiceError (400) at what is none."""
    if len(text) > MAX_LENGTH:
        raise query_error(text, MAX_LENGTH, f"the query is longer than {MAX_LENGTH} characters.")
    surrogate = _SURROGATE.search(text)
    if surrogate is not None:
        raise query_error(text, surrogate.start(), "token recognition error at a lone surrogate.")
    found: list[Token] = []
    position = 0
    while position < len(text):
        piece = _PIECE.match(text, position)
        if piece is None:
            around = text[position : position + _SNIPPET]
            raise query_error(text, position, f"token recognition error at: '{around}'.")
        if piece.lastgroup != "space":
            found.append(_token(text, piece))
        position = piece.end()
    return [*found, Token("end", "<EOF>", "", len(text))]


def _token(text: str, piece: re.Match[str]) -> Token:
    start, written = piece.start(), piece.group()
    match piece.lastgroup:
        case "string":
            return Token("string", written, _string(text, piece), start)
        case "number":
            return Token("number", written, _number(text, piece), start)
        case "escaped":
            return Token("escaped", written, written[2:-2], start)
        case "name":
            return Token("name", written, written, start)
        case _:
            return Token("symbol", written, written, start)


def _number(text: str, piece: re.Match[str]) -> int | float:
    written = piece.group()
    if written.isdecimal() and len(written) < 20 and int(written) <= _MAX_LONG:
        return int(written)
    value = float(written)
    if not math.isfinite(value):
        raise query_error(text, piece.start(), "the number is too large for a double.")
    return value


def _string(text: str, piece: re.Match[str]) -> str:
    def unescaped(escape: re.Match[str]) -> str:
        written: str = escape[1]
        if len(written) == 5:
            return chr(int(written[1:], 16))
        if written not in _PLAIN:
            raise query_error(text, piece.start() + 1 + escape.start(), f"token recognition error at: '\\{written}'.")
        return _PLAIN[written]

    unpaired = _ESCAPE.sub(unescaped, piece.group()[1:-1])
    try:
        return unpaired.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        raise query_error(text, piece.start(), "token recognition error at a lone surrogate.") from None
