"""What was measured (measured.json, by a benchmark) and what things cost (prices.json, or a file of one's own)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from operations.size.fleet import FleetMistake, Load
from operations.size.parts import Price

FOLDER = Path(__file__).parent
MEASURED = FOLDER / "measured.json"
PRICES = FOLDER / "prices.json"
MEASURED_BY = "operations/size/measured.json (python -m benchmarks.requests_per_event --save)"
TWINS_MEASURED_BY = "operations/size/measured.json (python -m benchmarks.twin_requests --save)"
_DISTINCT = 1000
"""The measurements are of 1,000 events: so many devices at most have one among them."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What 1,000 events from so many devices took. `seconds` is processor time of the Functions host and its worker."""

    devices: int
    requests: float
    sends: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Measured:
    """Of one event: bytes on its way, and the request units of storing it. And what 1,000 take, from few and many.

    Of one reading on its way up the twins: what it asks of its own twin, and of the places above it.
    """

    message_bytes: int
    readings: int
    document_bytes: int
    analytics_bytes: int
    request_units: float
    request_units_per_kilobyte: float
    few: Counted
    many: Counted
    children: int
    levels: int
    update_reads: float
    propagation_reads: float

    def document(self, load: Load) -> float:
        """Bytes of a document: it holds the body twice, as text and as JSON."""
        return max(100, self.document_bytes + 2 * (load.message_bytes - self.message_bytes))

    def analytics_event(self, load: Load) -> float:
        return max(50, self.analytics_bytes + load.message_bytes - self.message_bytes)

    def storing(self, load: Load) -> float:
        """Request units to create one document."""
        more = (self.document(load) - self.document_bytes) / 1024
        return max(5.0, self.request_units + self.request_units_per_kilobyte * more)

    def place_reads(self, child_s_own: float) -> float:
        """Reads to make one place anew: it, its relationships and its children."""
        return (self.propagation_reads - child_s_own) / self.levels

    def counted(self, load: Load) -> Counted:
        """What 1,000 events of this load take: between the two measurements, by the devices among 1,000 events."""
        devices = min(max(load.fleet, self.few.devices), _DISTINCT)
        part = (devices - self.few.devices) / (self.many.devices - self.few.devices)
        few, many = self.few, self.many
        return Counted(
            devices,
            few.requests + part * (many.requests - few.requests),
            few.sends + part * (many.sends - few.sends),
            few.seconds + part * (many.seconds - few.seconds),
        )


@dataclass(frozen=True, slots=True)
class Prices:
    as_of: str
    region: str
    currency: str
    by_name: Mapping[str, Price]

    def __getitem__(self, name: str) -> Price:
        return self.by_name[name]


def read_measured(path: Path = MEASURED) -> Measured:
    saved = json.loads(path.read_text())
    event, twins = saved["event"], saved["twins"]
    few, many = (
        Counted(each["devices"], each["cosmosDataRequests"], each["eventHubsSends"], each["hostSeconds"])
        for each in saved["counted"]
    )
    return Measured(
        message_bytes=event["messageBytes"],
        readings=event["readings"],
        document_bytes=event["documentBytes"],
        analytics_bytes=event["analyticsEventBytes"],
        request_units=event["requestUnits"],
        request_units_per_kilobyte=event["requestUnitsPerKilobyteMore"],
        few=few,
        many=many,
        children=twins["children"],
        levels=round(twins["propagation"]["patches"]),
        update_reads=twins["update"]["reads"],
        propagation_reads=twins["propagation"]["reads"],
    )


def read_prices(path: Path = PRICES) -> Prices:
    """Prices of a file of prices.json's form. Raises FleetMistake for another."""
    try:
        given = json.loads(path.read_text())
        prices = {name: _price(name, each) for name, each in given["prices"].items()}
        found = Prices(str(given["asOf"]), str(given["region"]), str(given["currency"]), prices)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FleetMistake(f"{path} is no price list of the form of operations/size/prices.json: {error!r}.") from error
    missing = _names() - set(found.by_name)
    if missing:
        raise FleetMistake(f"{path} lacks the prices {', '.join(sorted(missing))}.")
    return found


def _price(name: str, given: Mapping[str, Any]) -> Price:
    amount = given["price"]
    if isinstance(amount, bool) or not isinstance(amount, int | float) or not 0 <= amount < 1e9:
        raise ValueError(f"the price {name} is {amount!r}")
    return Price(float(amount), str(given["unit"]), str(given["source"]))


def _names() -> set[str]:
    return set(json.loads(PRICES.read_text())["prices"])
