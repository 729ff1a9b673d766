"""The words of a management command: KQL's own lexical rules, with each token's place in the text.

Source: Learn, "The string data type" (literals, `@` verbatim, `h` obfuscated, ``` blocks) and "Entity names".
"""

import unicodedata
from dataclasses import dataclass
from enum import Enum, auto

from local.data_explorer.errors import SyntaxMistake

_FENCES = ("```", "~~~")
_SYMBOLS = ("<|", "=>", "==", "!=", "<=", ">=", "..")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"', "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_HEX_ESCAPES = {"u": 4, "U": 8, "x": 2}


class Kind(Enum):
    WORD = auto()
    STRING = auto()
    NUMBER = auto()
    SYMBOL = auto()
    END = auto()


@dataclass(frozen=True)
class Token:
    """`text` is as written; `value` is the string that a STRING means, the text otherwise."""

    kind: Kind
    text: str
    value: str
    start: int
    end: int


def tokenize(text: str) -> list[Token]:
    """Every token of `text`, the last of kind END. Raises SyntaxMistake at a literal that never ends.

    What follows the `<|` of `.ingest inline` is data, no tokens.
    """
    tokens: list[Token] = []
    position = _after_blank(text, 0)
    while position < len(text):
        token = _token(text, position)
        tokens.append(token)
        if token.text == "<|" and [each.text.lower() for each in tokens[:3]] == [".", "ingest", "inline"]:
            break
        position = _after_blank(text, token.end)
    tokens.append(Token(Kind.END, "", "", len(text), len(text)))
    return tokens


def _after_blank(text: str, position: int) -> int:
    while position < len(text):
        if text[position].isspace() or unicodedata.category(text[position]) == "Cf":
            position += 1
        elif text.startswith("//", position):
            newline = text.find("\n", position)
            position = len(text) if newline < 0 else newline
        else:
            break
    return position


def _token(text: str, start: int) -> Token:
    prefix = start
    if text[prefix] in "hH" and prefix + 1 < len(text) and text[prefix + 1] in "@'\"":
        prefix += 1
    if text[prefix] in "'\"" or (text[prefix] == "@" and text[prefix + 1 : prefix + 2] in ("'", '"')):
        return _string(text, start, prefix)
    if text.startswith(_FENCES, start):
        return _fenced(text, start)
    character = text[start]
    if character.isalpha() or character in "_$":
        end = _run(text, start, "_$-" if character.isalpha() else "_$")
        return _plain(Kind.WORD, text, start, _without_trailing_dash(text, start, end))
    if character.isdigit():
        return _plain(Kind.NUMBER, text, start, _run(text, start, "._"))
    symbol = next((known for known in _SYMBOLS if text.startswith(known, start)), character)
    return _plain(Kind.SYMBOL, text, start, start + len(symbol))


def _plain(kind: Kind, text: str, start: int, end: int) -> Token:
    return Token(kind, text[start:end], text[start:end], start, end)


def _run(text: str, start: int, also: str) -> int:
    end = start
    while end < len(text) and (text[end].isalnum() or text[end] in also):
        end += 1
    return end


def _without_trailing_dash(text: str, start: int, end: int) -> int:
    while end > start and text[end - 1] == "-":
        end -= 1
    return end


def _fenced(text: str, start: int) -> Token:
    fence = text[start : start + 3]
    end = text.find(fence, start + 3)
    if end < 0:
        raise _unended(text, start)
    return Token(Kind.STRING, text[start : end + 3], text[start + 3 : end].removeprefix("\n"), start, end + 3)


def _string(text: str, start: int, position: int) -> Token:
    is_verbatim = text[position] == "@"
    position += is_verbatim
    quote = text[position]
    position += 1
    value = []
    while position < len(text):
        character = text[position]
        if character == quote and is_verbatim and text[position + 1 : position + 2] == quote:
            value.append(quote)
            position += 2
        elif character == quote:
            return Token(Kind.STRING, text[start : position + 1], "".join(value), start, position + 1)
        elif character == "\\" and not is_verbatim:
            escaped, position = _escape(text, position + 1)
            value.append(escaped)
        else:
            value.append(character)
            position += 1
    raise _unended(text, start)


def _escape(text: str, position: int) -> tuple[str, int]:
    letter = text[position : position + 1]
    digits = _HEX_ESCAPES.get(letter)
    if digits is None:
        return _ESCAPES.get(letter, letter), position + 1
    code = text[position + 1 : position + 1 + digits]
    try:
        return chr(int(code, 16)), position + 1 + digits
    except (ValueError, OverflowError):
        raise SyntaxMistake.at(f"'\\{letter}{code}' is no character.", text, position) from None


def _unended(text: str, start: int) -> SyntaxMistake:
    return SyntaxMistake.at("a string does not end.", text, start)
