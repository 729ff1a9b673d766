"""The names in topology.json that the local servers and tools take when none is given."""

import json
from typing import Any

from local.launch import PROJECT

_TOPOLOGY: dict[str, Any] = json.loads((PROJECT / "topology.json").read_text())

TELEMETRY_HUB: str = _TOPOLOGY["iotHub"]["routes"]["telemetry"]["hub"]
"""Where IoT Hub's route leads."""
ANALYTICS_DATABASE: str = _TOPOLOGY["dataExplorer"]["database"]
