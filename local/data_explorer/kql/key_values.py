"""parse-kv's reading of a text. Learn, "parse-kv operator"."""

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow as pa

from local.data_explorer.kql.python_functions import PythonFunction
from local.data_explorer.kql.spellings import REGEX


@dataclass(frozen=True)
class Options:
    """Without delimiters, every character that is no letter or digit is one. `quotes` are pairs of characters."""

    pair_delimiter: str = ""
    kv_delimiter: str = ""
    quotes: tuple[str, ...] = ()
    escapes: tuple[str, ...] = ()
    greedy: bool = False
    regex: str = ""


@lru_cache(maxsize=100)
def options_of(text: str) -> Options:
    """The options from JSON: lists of values by their names in the operator."""
    given: dict[str, list[Any]] = json.loads(text)
    return Options(
        pair_delimiter=str(given.get("pair_delimiter", [""])[0]),
        kv_delimiter=str(given.get("kv_delimiter", [""])[0]),
        quotes=tuple(quote * 2 if len(quote) == 1 else quote for quote in given.get("quote", ())),
        escapes=tuple(given.get("escape", ())),
        greedy=bool(given.get("greedy", [False])[0]),
        regex=str(given.get(REGEX, [""])[0]),
    )


def key_values(text: str, keys: list[str], options: Options) -> list[str | None]:
    """The first value of each key, None when it has none."""
    found: dict[str, str] = {}
    for key, value in _pairs(text, set(keys), options):
        if key in keys:
            found.setdefault(key, value)
    return [found.get(key) for key in keys]


def _pairs(text: str, keys: set[str], options: Options) -> Iterator[tuple[str, str]]:
    if options.regex:
        yield from ((match.group(1).strip(), match.group(2).strip()) for match in re.finditer(options.regex, text))
    elif options.kv_delimiter:
        yield from _Delimited(text, keys, options).pairs()
    else:
        words = list(_words(text, options))
        yield from itertools.pairwise(words)


def _words(text: str, options: Options) -> Iterator[str]:
    """Runs of letters, digits and underscores, and what is quoted."""
    position = 0
    while position < len(text):
        quoted = _quoted(text, position, options)
        if quoted is not None:
            word, position = quoted
            yield word
        elif _is_of_word(text[position]):
            start = position
            while position < len(text) and _is_of_word(text[position]):
                position += 1
            yield text[start:position]
        else:
            position += 1


def _is_of_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _quoted(text: str, start: int, options: Options) -> tuple[str, int] | None:
    """What is quoted at `start`, and where it ends; None when nothing is, or its quote is never closed."""
    for quote in options.quotes:
        opening, closing = quote[0], quote[1]
        if text[start : start + 1] != opening:
            continue
        characters: list[str] = []
        position = start + 1
        while position < len(text):
            if text[position] in options.escapes and position + 1 < len(text):
                position += 1
            elif text[position] == closing:
                return "".join(characters), position + 1
            characters.append(text[position])
            position += 1
    return None


class _Delimited:
    """Pairs between delimiters; in greedy mode a value goes on until the next of the keys."""

    def __init__(self, text: str, keys: set[str], options: Options) -> None:
        self._text, self._keys, self._options = text, keys, options
        self._position = 0

    def pairs(self) -> Iterator[tuple[str, str]]:
        while self._position < len(self._text):
            key = self._until((self._options.kv_delimiter, self._options.pair_delimiter))
            if self._skip(self._options.kv_delimiter):
                yield key.strip(), self._value().strip()
            self._skip(self._options.pair_delimiter)

    def _value(self) -> str:
        value = self._until((self._options.pair_delimiter,))
        while self._options.greedy and self._position < len(self._text) and not self._is_before_key():
            self._skip(self._options.pair_delimiter)
            value += self._options.pair_delimiter + self._until((self._options.pair_delimiter,))
        return value

    def _is_before_key(self) -> bool:
        start = self._position + len(self._options.pair_delimiter)
        key, delimiter, _ = self._text[start:].partition(self._options.kv_delimiter)
        return bool(delimiter) and key.strip() in self._keys

    def _until(self, delimiters: tuple[str, ...]) -> str:
        """Goes to the next delimiter, or to the end; what is quoted holds none."""
        start = self._position
        while self._text[start : start + 1] == " " and " " not in delimiters:
            start += 1
        quoted = _quoted(self._text, start, self._options)
        if quoted is not None:
            word, self._position = quoted
            self._until(delimiters)
            return word
        ends = [place for each in delimiters if (place := self._text.find(each, self._position)) >= 0]
        begin, self._position = self._position, min(ends, default=len(self._text))
        return self._text[begin : self._position]

    def _skip(self, delimiter: str) -> bool:
        if not self._text.startswith(delimiter, self._position):
            return False
        self._position += len(delimiter)
        return True


def _parsed(texts: Any, keys: Any, options: Any) -> pa.Array:
    columns = (texts.to_pylist(), keys.to_pylist(), options.to_pylist())
    rows = [
        key_values(text or "", json.loads(names), options_of(given))
        for text, names, given in zip(*columns, strict=True)
    ]
    return pa.array(rows, pa.list_(pa.string()))


FUNCTIONS = (PythonFunction("kql_parse_kv", _parsed, ("VARCHAR", "VARCHAR", "VARCHAR"), "VARCHAR[]"),)
