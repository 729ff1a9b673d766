"""JSON bodies to records: `json` is one object a line, `multijson` objects or arrays of them in any layout.

A record keeps its own text, so that a dynamic column of path `$` holds exactly what came. Source: Microsoft Learn,
"Ingestion behavior of invalid data": `json` leaves malformed records out, `multijson` fails as a whole.
"""

import json
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

import orjson

from local.data_explorer.ingestion.failures import IngestionRefused
from local.data_explorer.ingestion.values import Json, Number

_SPACE = re.compile(r"[ \t\r\n]*")


def _no_constant(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=_no_constant)


@dataclass(slots=True)
class JsonRecords:
    """The records of one body: `texts` and, unless only texts were asked for, `values`, in step.

    `lines` are the 1-based lines they began on; `malformed` says for each record left out where and why.
    """

    texts: list[str] = field(default_factory=list)
    values: list[dict[str, Json]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    malformed: list[str] = field(default_factory=list)


def decoded(body: bytes, encoding: str = "utf-8-sig") -> str:
    """The body as text; raises IngestionRefused when it is not in that encoding."""
    try:
        return body.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise IngestionRefused("BadRequest_InvalidBlob", f"The data is not {encoding} text: {error}") from error


def read_lines(body: bytes, *, texts_only: bool) -> JsonRecords:
    """Format `json`: one object a line. Lines that hold none are left out and listed as malformed."""
    records = JsonRecords()
    for number, raw in enumerate(body.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        line = raw.strip()
        if not line:
            continue
        try:
            text, value = _object(line, texts_only=texts_only)
        except ValueError as error:
            records.malformed.append(f"line {number}: {error}")
            continue
        records.texts.append(text)
        records.lines.append(number)
        if value is not None:
            records.values.append(value)
    return records


def _object(line: bytes, *, texts_only: bool) -> tuple[str, dict[str, Json] | None]:
    """The text of a line that holds one JSON object, and the object unless only the text is wanted."""
    if line[:1] != b"{":
        raise ValueError("it is not a JSON object")
    check_json(line)
    text = line.decode()
    if texts_only:
        return text, None
    value, _ = _decode(text, 0)
    return text, value


def _decode(text: str, start: int) -> tuple[dict[str, Json], int]:
    """The object at `start` and where it ends. Raises ValueError."""
    try:
        value, end = _DECODER.raw_decode(text, start)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError("it is not a JSON object")
    return value, end


def check_json(text: bytes | str) -> None:
    """Raises ValueError unless the text is one JSON value that UTF-8 can hold; a number may be of any size."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if "infinity" not in str(error):
            raise
        value, _ = _decode(text if isinstance(text, str) else text.decode(), 0)
        json.dumps(value, ensure_ascii=False).encode()


def read_documents(body: bytes) -> JsonRecords:
    """Format `multijson`: objects, or arrays of objects, with or without white space between.

    Raises IngestionRefused (BadRequest_InvalidBlob) when anything in it is malformed.
    """
    text = decoded(body)
    records = JsonRecords()
    line, counted = 1, 0
    try:
        for value, start, end in _objects(text):
            check_json(text[start:end])
            line += text.count("\n", counted, start)
            counted = start
            records.texts.append(text[start:end])
            records.values.append(value)
            records.lines.append(line)
    except ValueError as error:
        raise IngestionRefused(
            "BadRequest_InvalidBlob", f"The JSON is malformed after {len(records.texts)} records: {error}"
        ) from error
    return records


def _objects(text: str) -> Iterator[tuple[dict[str, Json], int, int]]:
    position = _after_space(text, 0)
    while position < len(text):
        if text[position] == "[":
            position = yield from _array(text, position)
        else:
            value, end = _decode(text, position)
            yield value, position, end
            position = end
        position = _after_space(text, position)


def _array(text: str, start: int) -> Generator[tuple[dict[str, Json], int, int], None, int]:
    position = _after_space(text, start + 1)
    if text[position : position + 1] == "]":
        return position + 1
    while True:
        value, end = _decode(text, position)
        yield value, position, end
        position = _after_space(text, end)
        mark = text[position : position + 1]
        if mark == "]":
            return position + 1
        if mark != ",":
            raise ValueError(f"an array goes on without a comma at character {position}")
        position = _after_space(text, position + 1)


def _after_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    assert found is not None
    return found.end()
