"""IoT Hub and Event Hubs."""

import math

from operations.size.facts import MEASURED_BY, Measured, Prices
from operations.size.fleet import HEADROOM, SECONDS_A_DAY, SECONDS_A_MONTH, Load
from operations.size.partitions import MOST, MOST_PARTITIONS_SOURCE, busy_partitions, partitions
from operations.size.parts import Charge, Figure, Part, Price, Use
from operations.size.twins import work

IOT_HUB = "https://learn.microsoft.com/azure/iot-hub/iot-hub-devguide-quotas-throttling"
EVENT_HUBS = "https://learn.microsoft.com/azure/event-hubs/event-hubs-quotas"
SCALING = "https://learn.microsoft.com/azure/event-hubs/event-hubs-scalability"
EDITIONS = (("S1", 400_000, 12.0, 200), ("S2", 6_000_000, 120.0, 200), ("S3", 300_000_000, 6_000.0, 10))
"""Messages a day and sends a second that one unit carries, and how many units a hub can have."""
LEAST_SENDS = 100.0
"""A hub takes so many sends a second however few units it has."""
METERED_BYTES = 4096
MOST_HUB_DEVICES = 1_000_000
MOST_UNITS = 40
"""Throughput units of a namespace of the standard tier."""
ADDED_BYTES = 400
"""What IoT Hub's system properties add to a message on its way through the hub."""
TWIN_EVENT_BYTES, HISTORY_EVENT_BYTES = 600, 400
_MEGABYTE = 1_000_000


def iot_hub(load: Load, prices: Prices) -> Part:
    """The cheapest edition that carries the load."""
    metered = load.messages * math.ceil(load.message_bytes / METERED_BYTES)
    edition, units, price = _edition(metered, prices)
    _, daily, sends, most_units = next(each for each in EDITIONS if each[0] == edition)
    return Part(
        "IoT Hub",
        (
            Figure("edition", edition, IOT_HUB),
            Figure("units", units, IOT_HUB),
            Figure("messages a day, of 4 KB", metered * SECONDS_A_DAY, IOT_HUB),
        ),
        (Charge(f"{edition} units", units, price),),
        (
            Use("devices of a hub", load.devices, MOST_HUB_DEVICES, IOT_HUB),
            Use(f"{edition} units of a hub", units, most_units, IOT_HUB),
            Use("messages a day", metered * SECONDS_A_DAY, daily * most_units, IOT_HUB),
            Use("sends a second", metered, max(LEAST_SENDS, sends * most_units), IOT_HUB),
        ),
    )


def _edition(metered: float, prices: Prices) -> tuple[str, int, Price]:
    choices = []
    for edition, daily, sends, most in EDITIONS:
        by_rate = metered / HEADROOM
        for_sends = 0 if by_rate <= LEAST_SENDS else by_rate / sends
        units = max(1, math.ceil(metered * SECONDS_A_DAY / HEADROOM / daily), math.ceil(for_sends))
        price = prices[f"iotHub{edition}"]
        choices.append((units > most, units * price.amount, edition, units, price))
    *_, edition, units, price = min(choices, key=lambda each: each[:3])
    return edition, units, price


def event_hubs(load: Load, measured: Measured, prices: Prices) -> Part:
    """One namespace of the standard tier, with the four hubs of topology.json."""
    arriving, read = _events(load, measured)
    megabytes, events = _sums(arriving)
    read_megabytes, read_events = _sums(read)
    needed = max(megabytes, events / 1000, read_megabytes / 2, read_events / 4096) / HEADROOM
    units = max(1, math.ceil(needed))
    busy = busy_partitions(load, measured)
    hub_megabytes = arriving[0][0] * arriving[0][1] / _MEGABYTE
    count = partitions(max(busy, hub_megabytes))
    return Part(
        "Event Hubs",
        (
            Figure("throughput units", units, SCALING),
            Figure("partitions of each hub", count, f"topology.json; {MEASURED_BY}"),
            Figure("MB/s in", megabytes, MEASURED_BY),
            Figure("events/s in, all hubs", events, "operations/size/hubs.py"),
        ),
        (
            Charge("throughput units", units * SECONDS_A_MONTH / 3600, prices["throughputUnit"]),
            Charge("ingress events", events * SECONDS_A_MONTH / 1e6, prices["ingressEvents"]),
        ),
        (
            Use("throughput units of a namespace", units, MOST_UNITS, EVENT_HUBS),
            Use("partitions of the telemetry hub, for store_telemetry", busy / HEADROOM, MOST, MOST_PARTITIONS_SOURCE),
            Use("MB/s into one hub's partitions", hub_megabytes / HEADROOM, MOST, SCALING),
        ),
    )


def _events(load: Load, measured: Measured) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Events a second and their bytes: as they arrive at the hubs, telemetry first, and as they are read from them."""
    telemetry = (load.messages, float(load.message_bytes + ADDED_BYTES))
    analytics = (load.messages, measured.analytics_event(load))
    patches = work(load, measured).patches
    twin_events = (patches, float(TWIN_EVENT_BYTES))
    history = (patches * load.readings, float(HISTORY_EVENT_BYTES))
    arriving = [telemetry, analytics, twin_events, history]
    also_read_by_twins = [telemetry] if load.changed else []
    return arriving, [*arriving, *also_read_by_twins]


def _sums(flows: list[tuple[float, float]]) -> tuple[float, float]:
    return sum(events * size for events, size in flows) / _MEGABYTE, sum(events for events, _ in flows)
