"""What every listener of one host shares: settings, options, the host's storage, and who it is."""

import hashlib
import platform
import re
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from local.functions_host.connections import STORAGE, Connection, find_connection
from local.functions_host.console import Console
from local.functions_host.host_json import HostOptions
from local.functions_host.settings import Settings

_LONGEST_ID = 32


@dataclass(frozen=True)
class Surroundings:
    """`instance` tells this process from other hosts of the same app; `takeover`, when given, is how long after a
    host died another takes over what it owned, instead of the real intervals.
    """

    settings: Settings
    options: HostOptions
    console: Console
    host_id: str
    takeover: timedelta | None = None
    instance: str = field(default_factory=lambda: str(uuid.uuid4()))

    def storage(self) -> Connection:
        """The host's own storage account. Raises MissingSetting."""
        return find_connection(self.settings, STORAGE, STORAGE)


def host_id_of(folder: Path, settings: Settings) -> str:
    """What names this app in the host's storage: AzureFunctionsWebHost__hostid, else the machine and the folder.

    Source: azure-functions-host, ScriptHostIdProvider.cs.
    """
    given = settings.get("AzureFunctionsWebHost__hostid")
    machine = re.sub(r"[^A-Za-z0-9]", "", platform.node())
    folder_hash = int.from_bytes(hashlib.blake2b(str(folder).encode(), digest_size=4).digest(), "big")
    return (given or f"{machine[:20]}-{folder_hash}")[:_LONGEST_ID].lower().strip("-")
