"""How a running stack is reached: the same settings that a Functions app in Azure has, and what its tools need."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.certificates import Trust, write_whole
from local.launch import PROJECT
from local.process import UserMistake

TOPOLOGY: Mapping[str, Any] = json.loads((PROJECT / "topology.json").read_text())


@dataclass(frozen=True, slots=True)
class Connections:
    """Connection strings and addresses of a running stack. Those with `_http` ask for no token."""

    storage: str
    event_hubs: str
    cosmos: str
    kusto: str
    kusto_http: str
    digital_twins: str
    digital_twins_http: str
    iot_hub: str
    identity: str
    identity_header: str
    trust: Trust

    def settings(self) -> dict[str, str]:
        """The app settings that point an app at this stack (ARCHITECTURE's names)."""
        telemetry, analytics, twin_events, twin_history = TOPOLOGY["eventHubs"]
        return {
            "FUNCTIONS_WORKER_RUNTIME": "python",
            "AzureWebJobsStorage": self.storage,
            "EventHubs": self.event_hubs,
            "CosmosDB": self.cosmos,
            "TELEMETRY_HUB": telemetry,
            "ANALYTICS_HUB": analytics,
            "TWIN_EVENTS_HUB": twin_events,
            "TWIN_HISTORY_HUB": twin_history,
            "COSMOS_DATABASE": TOPOLOGY["cosmos"]["database"],
            "KUSTO_URI": self.kusto,
            "KUSTO_INGEST_URI": self.kusto,
            "KUSTO_DATABASE": TOPOLOGY["dataExplorer"]["database"],
            "DIGITAL_TWINS_URL": self.digital_twins,
            "DEAD_LETTER_CONTAINER": TOPOLOGY["storage"]["containers"]["deadLetters"],
            **self.identity_settings(),
        }

    def identity_settings(self) -> dict[str, str]:
        """What makes an unmodified DefaultAzureCredential, and TLS, work with the stack.

        A process gets them in its environment, because there they may be set to something else already.
        """
        bundle = str(self.trust.bundle.resolve())
        return {
            "IDENTITY_ENDPOINT": self.identity,
            "IDENTITY_HEADER": self.identity_header,
            "SSL_CERT_FILE": bundle,
            "REQUESTS_CA_BUNDLE": bundle,
        }


ROUTE_DEFAULTS = {"ANALYTICS_ROUTE": "change-feed"}
"""Set only where a settings file has no word on the route: it is the user's to switch (docs/routes.md)."""


def write_settings(path: Path, values: Mapping[str, str]) -> None:
    """Writes local.settings.json, keeping what the user has put there besides. Raises UserMistake."""
    known = read_settings(path)
    known["Values"] = {**ROUTE_DEFAULTS, **known.get("Values", {}), **values}
    write_whole(path, json.dumps(known, indent=2).encode() + b"\n")


def read_settings(path: Path) -> dict[str, Any]:
    """What a local.settings.json holds; a bare one where there is none. Raises UserMistake."""
    if not path.exists():
        return {"IsEncrypted": False}
    try:
        known = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise UserMistake(f"{path} is no JSON ({error}): mend it, or move it away.") from error
    if not isinstance(known, dict) or not isinstance(known.get("Values", {}), dict):
        raise UserMistake(f"{path} is no settings file (an object with Values): mend it, or move it away.")
    return known
