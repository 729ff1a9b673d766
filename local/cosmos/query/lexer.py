"""The query's text as tokens."""

import math
import re
from dataclasses import dataclass
from typing import Literal as OneOf

from local.cosmos.query.errors import QueryError, query_error
from local.cosmos.query.values import Value, number

MAX_LENGTH = 512 * 1024
"""The service takes query texts of at most 512 KB."""

KEYWORDS = frozenset(
    {"AND", "ARRAY", "AS", "ASC", "BETWEEN", "BY", "DESC", "DISTINCT", "ESCAPE", "EXISTS", "FALSE", "FROM", "GROUP"}
    | {"IN", "JOIN", "LIKE", "LIMIT", "NOT", "NULL", "OFFSET", "OR", "ORDER", "SELECT", "TOP", "TRUE", "UNDEFINED"}
    | {"VALUE", "WHERE"}
)

Kind = OneOf["name", "keyword", "number", "string", "parameter", "symbol", "end"]


@dataclass(frozen=True, slots=True)
class Token:
    """`text` is as written, but upper case for a keyword.

    `value` is what a number or string stands for, and how a name or keyword is written.
    """

    kind: Kind
    text: str
    value: Value
    start: int
    end: int


_PIECE = re.compile(
    r"""
    (?P<space>\s+|--[^\n]*|/\*.*?\*/)
  | (?P<number>(?:0[xX][0-9a-fA-F]+|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)(?!\w))
  | (?P<string>'[^'\\]*+(?:\\.[^'\\]*+)*+'|"[^"\\]*+(?:\\.[^"\\]*+)*+")
  | (?P<parameter>@[^\W\d]\w*)
  | (?P<name>[^\W\d]\w*)
  | (?P<symbol>>>>|<<|>>|\?\?|<>|!=|<=|>=|\|\||[-+*/%=<>()\[\]{},.:?~^&|])
    """,
    re.VERBOSE | re.DOTALL,
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_PLAIN = {'"': '"', "'": "'", "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def tokens(text: str) -> list[Token]:
    """The tokens of a query, the last of kind `end`. Raises QueryError at what is none."""
    if len(text) > MAX_LENGTH:
        raise QueryError(f"The SQL query text exceeded the maximum limit of {MAX_LENGTH} characters.")
    surrogate = _SURROGATE.search(text)
    if surrogate is not None:
        raise QueryError("Syntax error, a lone surrogate.", surrogate.start())
    found: list[Token] = []
    position = 0
    while position < len(text):
        piece = _PIECE.match(text, position)
        if piece is None:
            raise syntax_error(text, position, position + 1)
        position = piece.end()
        if piece.lastgroup != "space":
            found.append(_token(text, piece))
    found.append(Token("end", "", None, len(text), len(text)))
    return found


def syntax_error(text: str, start: int, end: int) -> QueryError:
    """The service's own wording: what stands at the place where no rule goes on."""
    near = f" near '{text[start:end]}'" if start < len(text) else ""
    return query_error(text, "SC1001", f"Syntax error, incorrect syntax{near}.", start, end)


def _token(text: str, piece: re.Match[str]) -> Token:
    start, end, written = piece.start(), piece.end(), piece.group()
    match piece.lastgroup:
        case "number":
            return Token("number", written, _number(text, piece), start, end)
        case "string":
            return Token("string", written, _string(text, piece), start, end)
        case "parameter":
            return Token("parameter", written, None, start, end)
        case "name" if written.upper() in KEYWORDS:
            return Token("keyword", written.upper(), written, start, end)
        case "name":
            return Token("name", written, written, start, end)
        case _:
            return Token("symbol", written, None, start, end)


def _number(text: str, piece: re.Match[str]) -> Value:
    written = piece.group()
    if written.isdecimal() and len(written) < 19:
        return int(written)
    value = float(int(written, 16)) if written[:2] in ("0x", "0X") and len(written) < 40 else float(written)
    if not math.isfinite(value):
        raise query_error(text, "SC1001", "The number is too large for a double.", piece.start(), piece.end())
    return number(value)


def _string(text: str, piece: re.Match[str]) -> str:
    body = piece.group()[1:-1]
    if "\\" not in body:
        return body

    def unescaped(escape: re.Match[str]) -> str:
        written: str = escape[1]
        if len(written) == 5:
            return chr(int(written[1:], 16))
        if written not in _PLAIN:
            place = piece.start() + 1 + escape.start()
            raise query_error(text, "SC1001", f"Syntax error, invalid escape '\\{written}'.", place, place + 2)
        return _PLAIN[written]

    unpaired = _ESCAPE.sub(unescaped, body)
    try:
        return unpaired.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        raise query_error(text, "SC1001", "Syntax error, a lone surrogate.", piece.start(), piece.end()) from None
