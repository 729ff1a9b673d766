"""The device registry: identities, keys and tags, in SQLite.

A device is `enabled` or `disabled`, has two symmetric keys, and a twin of which only the tags are kept.
"""

import base64
import json
import secrets
import sqlite3
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

Status = Literal["enabled", "disabled"]
Tags = Mapping[str, Any]
MAX_ID = 128
"""Characters of a device id (IoT Hub identity registry, "Device identity properties")."""
_ID_MARKS = frozenset("-.+%_#*?!(),:=@$'")


class InvalidDevice(Exception):
    """What is asked for can't be a device; the message says why."""


class DeviceExists(Exception):
    """A device with this id is there already."""


@dataclass(frozen=True, slots=True)
class Device:
    """A device identity. Keys are base64, as connection strings hold them."""

    id: str
    status: Status
    primary_key: str
    secondary_key: str
    generation: str
    tags: Tags = field(default_factory=dict)
    etag: str = ""

    @property
    def keys(self) -> tuple[bytes, bytes]:
        return base64.b64decode(self.primary_key), base64.b64decode(self.secondary_key)


def new_device(
    device_id: str,
    *,
    status: Status = "enabled",
    primary_key: str | None = None,
    secondary_key: str | None = None,
    tags: Tags | None = None,
) -> Device:
    """A device that is not registered yet, with keys made where none are given. Raises InvalidDevice."""
    if not 1 <= len(device_id) <= MAX_ID or not all(_is_id_character(each) for each in device_id):
        raise InvalidDevice(
            f"'{device_id:.200}' is no device id: 1 to {MAX_ID} ASCII letters, digits or -.+%_#*?!(),:=@$'"
        )
    if status not in ("enabled", "disabled"):
        raise InvalidDevice(f"a device's status is 'enabled' or 'disabled', not {status!r}")
    keys = [_new_key() if key is None else _checked_key(key) for key in (primary_key, secondary_key)]
    generation = str(int(datetime.now(UTC).timestamp() * 10**7))
    return Device(device_id, status, keys[0], keys[1], generation, tags or {}, _new_etag())


class Registry:
    """The devices of one hub. What a call returns is committed (SQLite, synchronous=FULL)."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
            "CREATE TABLE IF NOT EXISTS devices("
            "id TEXT PRIMARY KEY, status TEXT NOT NULL, primary_key TEXT NOT NULL, secondary_key TEXT NOT NULL,"
            "generation TEXT NOT NULL, tags TEXT NOT NULL, etag TEXT NOT NULL) WITHOUT ROWID;"
        )

    def find(self, device_id: str) -> Device | None:
        row = self._connection.execute("SELECT * FROM devices WHERE id = ?", (device_id,)).fetchone()
        return None if row is None else _device(row)

    def list(self, most: int) -> list[Device]:
        rows = self._connection.execute("SELECT * FROM devices ORDER BY id LIMIT ?", (most,)).fetchall()
        return [_device(row) for row in rows]

    def create(self, *devices: Device) -> None:
        """Registers devices, all or none. Raises DeviceExists."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT INTO devices VALUES(?,?,?,?,?,?,?)", [_row(each) for each in devices])
            self._connection.execute("COMMIT")
        except sqlite3.IntegrityError as error:
            self._connection.execute("ROLLBACK")
            raise DeviceExists("a device with this id is registered already") from error

    def save(self, device: Device) -> Device:
        """Writes a registered device over, with a new etag."""
        saved = replace(device, etag=_new_etag())
        self._connection.execute("REPLACE INTO devices VALUES(?,?,?,?,?,?,?)", _row(saved))
        return saved

    def delete(self, device_id: str) -> bool:
        """Whether there was such a device."""
        return self._connection.execute("DELETE FROM devices WHERE id = ?", (device_id,)).rowcount > 0

    def count(self) -> int:
        (count,) = self._connection.execute("SELECT count(*) FROM devices").fetchone()
        return int(count)

    def close(self) -> None:
        self._connection.close()


def patched(tags: Tags, patch: Tags) -> dict[str, Any]:
    """Tags after a merge patch (RFC 7396): null deletes, objects merge, all else replaces."""
    merged = dict(tags)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            before = merged.get(name)
            merged[name] = patched(before if isinstance(before, dict) else {}, value)
        else:
            merged[name] = value
    return merged


def _is_id_character(character: str) -> bool:
    return character.isascii() and (character.isalnum() or character in _ID_MARKS)


def _new_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _checked_key(key: str) -> str:
    try:
        size = len(base64.b64decode(key, validate=True))
    except ValueError:
        size = 0
    if not 16 <= size <= 64:
        raise InvalidDevice("a symmetric key is 16 to 64 bytes in base64")
    return key


def _new_etag() -> str:
    return base64.b64encode(uuid.uuid4().bytes[:6]).decode()


def _row(device: Device) -> tuple[str, ...]:
    keys = (device.primary_key, device.secondary_key)
    return (device.id, device.status, *keys, device.generation, json.dumps(device.tags), device.etag)


def _device(row: tuple[Any, ...]) -> Device:
    device_id, status, primary, secondary, generation, tags, etag = row
    return Device(device_id, status, primary, secondary, generation, json.loads(tags), etag)
