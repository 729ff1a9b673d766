"""`python -m benchmarks.twin_requests [--save]`: what one reading's way up the twin graph costs in requests.

A site of 10 areas of 10 assets each. One reading at a time, so that nothing is coalesced: update_twins brings the
asset's twin up to date, propagate_twins the area and the site above it. A fault rule that delays by nothing counts
what it matches: the service's own count of what was asked of it. `--save` writes the result down for
`python -m operations size`.
"""

import asyncio
import json
from argparse import ArgumentParser
from dataclasses import dataclass
from datetime import UTC, datetime

from benchmarks.requests_per_event import SAVED, Counter, save
from benchmarks.table import Measure, print_table
from benchmarks.twins import running_instance
from local.launch import PROJECT, ServerProcess
from local.topology import TELEMETRY_HUB
from shared.consumers.propagation import propagate_twins
from shared.consumers.twins import update_twins
from shared.gateways.worker import Gateways
from shared.settings import read_settings
from shared.telemetry.decoding import decode
from shared.telemetry.events import HubEvent
from shared.topology import TWIN_EVENTS_HUB
from shared.twins.identifiers import twin_id

CHILDREN, READINGS = 10, 20
READS = ("twins.get", "relationships.list", "relationships.incoming")
PATCH = "twins.patch"


@dataclass(frozen=True)
class Requests:
    """Of one reading, on average."""

    reads: float
    patches: float


def main() -> None:
    parser = ArgumentParser(prog="python -m benchmarks.twin_requests", description=__doc__)
    parser.add_argument("--save", action="store_true", help=f"write the result to {SAVED.relative_to(PROJECT)}")
    asked = parser.parse_args()
    with running_instance() as instance:
        updating, propagating = asyncio.run(_measure(instance))
    print_table(
        f"Requests for one reading, {CHILDREN} children of each place",
        [
            Measure("update_twins: reads", updating.reads, ""),
            Measure("update_twins: patches", updating.patches, "", 1, "lower"),
            Measure("propagate_twins: reads", propagating.reads, ""),
            Measure("propagate_twins: patches", propagating.patches, "", 2, "lower"),
        ],
    )
    if asked.save:
        save({"twins": {"children": CHILDREN, "update": vars(updating), "propagation": vars(propagating)}})


async def _measure(instance: ServerProcess) -> tuple[Requests, Requests]:
    async with Gateways(read_settings()) as at:
        for area in range(CHILDREN):
            assets = [f"site/area{area}/mote{number}" for number in range(CHILDREN)]
            for asset in assets:
                await _update(asset, 0.0, at)
            await propagate_twins([_told(asset) for asset in assets], at)
        updating = propagating = Requests(0, 0)
        for number in range(READINGS):
            asset = f"site/area{number % CHILDREN}/mote{number % CHILDREN}"
            counter = Counter(instance, *READS, PATCH)
            await _update(asset, number + 1.0, at)
            updating = _with(updating, counter)
            counter = Counter(instance, *READS, PATCH)
            await propagate_twins([_told(asset)], at)
            propagating = _with(propagating, counter)
    return updating, propagating


def _with(so_far: Requests, counter: Counter) -> Requests:
    counted = counter.counts()
    reads = so_far.reads + sum(counted[name] for name in READS) / READINGS
    return Requests(round(reads, 2), round(so_far.patches + counted[PATCH] / READINGS, 2))


async def _update(asset: str, value: float, at: Gateways) -> None:
    now = datetime.now(UTC)
    tags = {"temperature": {"SourceTimestamp": now.isoformat().replace("+00:00", "Z"), "Value": value}}
    events = [HubEvent(json.dumps(tags).encode(), TELEMETRY_HUB, "0", 1, now, asset, {}, {})]
    await update_twins(events, decode(events), at)


def _told(asset: str) -> HubEvent:
    """What the graph tells of the asset's update."""
    now = datetime.now(UTC)
    body = json.dumps({"modelId": "dtmi:iot:Mote;1", "patch": [{"op": "add", "path": "/temperature", "value": 0}]})
    attributes = {
        "cloudEvents:type": "Microsoft.DigitalTwins.Twin.Update",
        "cloudEvents:subject": twin_id(asset),
        "cloudEvents:time": now.isoformat().replace("+00:00", "Z"),
    }
    return HubEvent(body.encode(), TWIN_EVENTS_HUB, "0", 1, now, None, attributes, {})


if __name__ == "__main__":
    main()
