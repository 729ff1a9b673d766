"""String functions: undefined for anything but strings, and for positions that aren't whole numbers.

Positions and lengths count Unicode characters. Source: Microsoft Learn, "String functions - Query language in Cosmos
DB", page by page.
"""

from collections.abc import Callable, Iterable

from local.cosmos.query.functions.function import ANY_NUMBER, Function, bounded
from local.cosmos.query.regular_expressions import regex_match
from local.cosmos.query.values import UNDEFINED, Value, whole_number

MAX_REPLICATED = 10_000


def _of_string(operation: Callable[[str], Value]) -> Function:
    return Function((1, 1), lambda text: operation(text) if isinstance(text, str) else UNDEFINED)


def _of_two(operation: Callable[[str, str], bool]) -> Function:
    """A test of two strings, with a flag that makes it ignore case."""

    def test(text: Value, other: Value, ignore_case: Value = False) -> Value:
        if not isinstance(text, str) or not isinstance(other, str) or not isinstance(ignore_case, bool):
            return UNDEFINED
        return operation(text.lower(), other.lower()) if ignore_case else operation(text, other)

    return Function((2, 3), test)


def concat(*texts: Value) -> Value:
    if not all(isinstance(text, str) for text in texts):
        return UNDEFINED
    bounded(sum(map(len, texts)))
    return "".join(texts)


def _index_of(text: Value, sought: Value, start: Value = 0) -> Value:
    position = whole_number(start)
    if not isinstance(text, str) or not isinstance(sought, str) or position is None or position < 0:
        return UNDEFINED
    return text.find(sought, position)


def _last_index_of(text: Value, sought: Value, start: Value = None) -> Value:
    """Searched backwards, from the end or from a position."""
    if not isinstance(text, str) or not isinstance(sought, str):
        return UNDEFINED
    if start is None:
        return text.rfind(sought)
    position = whole_number(start)
    return UNDEFINED if position is None or position < 0 else text.rfind(sought, 0, position + 1)


def _contains_several(combine: Callable[[Iterable[bool]], bool], *, ignores_case: bool) -> Function:
    def contained(text: Value, *sought: Value) -> Value:
        if not isinstance(text, str) or not all(isinstance(each, str) for each in sought):
            return UNDEFINED
        within = text.lower() if ignores_case else text
        return combine((each.lower() if ignores_case else each) in within for each in sought)

    return Function((2, ANY_NUMBER), contained)


def _substring(text: Value, start: Value, length: Value) -> Value:
    first, count = whole_number(start), whole_number(length)
    if not isinstance(text, str) or first is None or count is None:
        return UNDEFINED
    return text[first : first + count] if first >= 0 and count > 0 else ""


def _left(text: Value, length: Value) -> Value:
    return _substring(text, 0, length)


def _right(text: Value, length: Value) -> Value:
    count = whole_number(length)
    if not isinstance(text, str) or count is None:
        return UNDEFINED
    return text[max(0, len(text) - count) :] if count > 0 else ""


def _replace(text: Value, sought: Value, replacement: Value) -> Value:
    if not isinstance(text, str) or not isinstance(sought, str) or not isinstance(replacement, str) or not sought:
        return UNDEFINED
    bounded(len(text) + text.count(sought) * (len(replacement) - len(sought)))
    return text.replace(sought, replacement)


def _replicate(text: Value, count: Value) -> Value:
    times = whole_number(count)
    if not isinstance(text, str) or times is None or times < 0 or len(text) * times > MAX_REPLICATED:
        return UNDEFINED
    return text * times


def _trimmer(trim: Callable[..., str]) -> Function:
    """Trims whitespace, or any of the characters given."""

    def trimmed(*texts: Value) -> Value:
        return trim(*texts) if all(isinstance(text, str) for text in texts) else UNDEFINED

    return Function((1, 2), trimmed)


def _one_for_one(convert: Callable[[str], str], text: str) -> str:
    """Each character converted alone, and left when it would become several."""
    if text.isascii():
        return convert(text)
    return "".join(changed if len(changed := convert(character)) == 1 else character for character in text)


def _split(text: Value, delimiter: Value) -> Value:
    if not isinstance(text, str) or not isinstance(delimiter, str):
        return UNDEFINED
    return text.split(delimiter) if delimiter else [text]


def _join(texts: Value, delimiter: Value) -> Value:
    if not isinstance(texts, list) or not isinstance(delimiter, str):
        return UNDEFINED
    if not all(isinstance(text, str) for text in texts):
        return UNDEFINED
    bounded(sum(map(len, texts)) + len(texts) * len(delimiter))
    return delimiter.join(texts)


STRING_FUNCTIONS = {
    "CONCAT": Function((2, ANY_NUMBER), concat),
    "CONTAINS": _of_two(lambda text, sought: sought in text),
    "CONTAINS_ALL_CI": _contains_several(all, ignores_case=True),
    "CONTAINS_ALL_CS": _contains_several(all, ignores_case=False),
    "CONTAINS_ANY_CI": _contains_several(any, ignores_case=True),
    "CONTAINS_ANY_CS": _contains_several(any, ignores_case=False),
    "STARTSWITH": _of_two(lambda text, prefix: text.startswith(prefix)),
    "ENDSWITH": _of_two(lambda text, suffix: text.endswith(suffix)),
    "STRINGEQUALS": _of_two(lambda text, other: text == other),
    "INDEX_OF": Function((2, 3), _index_of),
    "LASTINDEXOF": Function((2, 3), _last_index_of),
    "LENGTH": _of_string(len),
    "LOWER": _of_string(lambda text: _one_for_one(str.lower, text)),
    "UPPER": _of_string(lambda text: _one_for_one(str.upper, text)),
    "REVERSE": _of_string(lambda text: text[::-1]),
    "LEFT": Function((2, 2), _left),
    "RIGHT": Function((2, 2), _right),
    "SUBSTRING": Function((3, 3), _substring),
    "REPLACE": Function((3, 3), _replace),
    "REPLICATE": Function((2, 2), _replicate),
    "TRIM": _trimmer(str.strip),
    "LTRIM": _trimmer(str.lstrip),
    "RTRIM": _trimmer(str.rstrip),
    "STRINGSPLIT": Function((2, 2), _split),
    "STRINGJOIN": Function((2, 2), _join),
    "REGEXMATCH": Function((2, 3), regex_match),
}
