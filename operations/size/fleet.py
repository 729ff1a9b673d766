"""What is to be sized: a fleet, and the share of it that one deployment carries."""

from dataclasses import dataclass
from fractions import Fraction

HEADROOM = 0.7
"""How much of a limit, or of what is bought, is planned to be used."""
SECONDS_A_DAY = 86_400
SECONDS_A_MONTH = 730 * 3600
"""The month of Azure's price pages."""
MOST_DEVICES = 100_000_000
MOST_BYTES = 256 * 1024
"""IoT Hub's largest device-to-cloud message."""


class FleetMistake(ValueError):
    """The fleet can't be sized; the message says which value is wrong and what would do."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """`rate` is messages a second of each device; `changed` is the share of messages that change a twin."""

    devices: int
    rate: float
    message_bytes: int
    readings: int
    changed: float = 1.0

    def __post_init__(self) -> None:
        _within("--devices", self.devices, 1, MOST_DEVICES)
        _within("--rate", self.rate, 1 / SECONDS_A_DAY, 1000)
        _within("--bytes", self.message_bytes, 1, MOST_BYTES)
        _within("--readings", self.readings, 1, 1000)
        _within("--changed", self.changed, 0, 1)


@dataclass(frozen=True, slots=True)
class Load:
    """What one deployment carries. Rates are per second. `fleet` is the devices of all deployments together."""

    devices: int
    fleet: int
    rate: float
    message_bytes: int
    readings: int
    changed: float

    @property
    def messages(self) -> float:
        return self.devices * self.rate


def share(fleet: Fleet, deployments: int) -> Load:
    """The load of each deployment when the devices are spread evenly: the largest such share."""
    devices = -(-fleet.devices // deployments)
    return Load(devices, fleet.devices, fleet.rate, fleet.message_bytes, fleet.readings, fleet.changed)


def rate_of(text: str) -> float:
    """Messages a second: a number such as 0.5, or a fraction such as 1/60. Raises FleetMistake."""
    try:
        return float(Fraction(text.strip()))
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        raise FleetMistake(
            f"--rate is {text!r}: give messages a second of each device, such as 0.5, or 1/60 for one a minute."
        ) from error


def _within(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise FleetMistake(f"{name} is {value:g}: give {least:.2g} to {most:,.0f}.")
