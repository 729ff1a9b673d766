"""The whole answer: how many deployments, what each is made of, and where each limit bites."""

from collections.abc import Iterator
from dataclasses import dataclass

from operations.size.facts import Measured, Prices
from operations.size.fleet import MOST_DEVICES, Fleet, FleetMistake, Load, share
from operations.size.functions import functions
from operations.size.hubs import event_hubs, iot_hub
from operations.size.parts import Part, Use
from operations.size.stores import cosmos, data_explorer, storage
from operations.size.twins import INSTANCES_IN_A_REGION, TWINS, digital_twins


@dataclass(frozen=True, slots=True)
class Bite:
    """A limit, and the largest fleet of this kind that one deployment carries within it (None: it never bites)."""

    service: str
    use: Use
    devices: int | None


@dataclass(frozen=True, slots=True)
class Sizing:
    """`deployments` equal ones, each of these parts. A deployment is what `azd up` makes."""

    fleet: Fleet
    deployments: int
    devices_each: int
    parts: tuple[Part, ...]
    bites: tuple[Bite, ...]

    @property
    def dollars(self) -> float:
        """A month, all deployments together."""
        return self.deployments * sum(part.dollars for part in self.parts)

    @property
    def notes(self) -> list[str]:
        """What so many deployments meet together."""
        if self.deployments <= INSTANCES_IN_A_REGION or not self.fleet.changed:
            return []
        return [
            f"A subscription has {INSTANCES_IN_A_REGION} Digital Twins instances in a region (on request 50): spread "
            f"{self.deployments:,} deployments over regions and subscriptions, or keep fewer messages from the twins "
            f"({TWINS})."
        ]


def size(fleet: Fleet, measured: Measured, prices: Prices) -> Sizing:
    """Raises FleetMistake when a single device is too fast for the services.

    The number of deployments doubles, so that each splits into two when the fleet has grown.
    """
    deployments = 1
    while True:
        load = share(fleet, deployments)
        parts = parts_of(load, measured, prices, is_only=deployments == 1)
        broken = [use for part in parts for use in part.uses if not use.holds]
        if not broken:
            return Sizing(fleet, deployments, load.devices, parts, tuple(_bites(fleet, measured, prices)))
        if load.devices == 1:
            raise FleetMistake(
                f"One device alone needs more than there is ({broken[0].limit}: {broken[0].used:,.4g} of "
                f"{broken[0].most:,.4g}): give a lower --rate or fewer --bytes, or spread it over several devices."
            )
        deployments *= 2


def parts_of(load: Load, measured: Measured, prices: Prices, *, is_only: bool) -> tuple[Part, ...]:
    return (
        iot_hub(load, prices),
        event_hubs(load, measured, prices),
        cosmos(load, measured, prices),
        functions(load, measured, prices),
        digital_twins(load, measured, prices),
        data_explorer(load, measured, prices, is_only=is_only),
        storage(load, measured, prices),
    )


def _bites(fleet: Fleet, measured: Measured, prices: Prices) -> Iterator[Bite]:
    """Of each limit, by bisection: what a deployment uses only grows with its devices."""

    def uses(devices: int) -> dict[tuple[str, str], Use]:
        load = Load(devices, devices, fleet.rate, fleet.message_bytes, fleet.readings, fleet.changed)
        parts = parts_of(load, measured, prices, is_only=False)
        return {(part.service, _kind(use)): use for part in parts for use in part.uses}

    everything = uses(MOST_DEVICES)
    for (service, kind), use in everything.items():
        if use.used <= use.most:
            yield Bite(service, use, None)
            continue
        within, beyond = 0, MOST_DEVICES
        while beyond - within > 1:
            middle = (within + beyond) // 2
            tried = uses(middle)[service, kind]
            within, beyond = (middle, beyond) if tried.used <= tried.most else (within, middle)
        yield Bite(service, uses(max(within, 1))[service, kind], within)


def _kind(use: Use) -> str:
    """A limit's name without the edition of IoT Hub that it is of."""
    return use.limit.removeprefix("S1 ").removeprefix("S2 ").removeprefix("S3 ")
