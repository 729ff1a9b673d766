"""Access keys: a master key, a host key and one key for each function, made once and kept in the data directory.

Source: Microsoft Learn, "Work with access keys in Azure Functions". Like the Core Tools, the host asks for keys only
when told to (--enable-auth).
"""

import hmac
import json
import secrets
from pathlib import Path

from local.certificates import locked, write_whole

MASTER = "_master"
HOST = "default"


class Keys:
    """The keys of one app."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "keys.json"

    def of_function(self, function: str) -> str:
        """The function's own key."""
        return self._key(f"function:{function}")

    @property
    def master(self) -> str:
        return self._key(MASTER)

    @property
    def host(self) -> str:
        return self._key(HOST)

    def opens(self, level: str, function: str, given: str) -> bool:
        """Whether a key opens a function of that auth level: `anonymous`, `function` or `admin`."""
        if level.lower() == "anonymous":
            return True
        allowed = [self.master] if level.lower() == "admin" else [self.master, self.host, self.of_function(function)]
        return any(hmac.compare_digest(given.encode(), key.encode()) for key in allowed)

    def _key(self, name: str) -> str:
        self._folder.mkdir(parents=True, exist_ok=True)
        with locked(self._folder):
            known: dict[str, str] = json.loads(self._path.read_text()) if self._path.exists() else {}
            if name not in known:
                known[name] = secrets.token_urlsafe(40)
                write_whole(self._path, json.dumps(known, indent=2).encode(), mode=0o600)
            return known[name]
