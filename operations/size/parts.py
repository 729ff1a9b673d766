"""What a service's part of the answer is made of. Every figure, limit and price names its source."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """What to provision, or what will be used, in one deployment."""

    name: str
    value: float | str
    source: str


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for one `unit`."""

    amount: float
    unit: str
    source: str


@dataclass(frozen=True, slots=True)
class Charge:
    """A line of the monthly bill of one deployment."""

    what: str
    quantity: float
    price: Price

    @property
    def dollars(self) -> float:
        return self.quantity * self.price.amount


@dataclass(frozen=True, slots=True)
class Use:
    """How much of a service's limit is used. Advice is no limit: past it another way is the better one."""

    limit: str
    used: float
    most: float
    source: str
    is_advice: bool = False

    @property
    def holds(self) -> bool:
        return self.is_advice or self.used <= self.most


@dataclass(frozen=True, slots=True)
class Part:
    """One service of one deployment."""

    service: str
    figures: tuple[Figure, ...]
    charges: tuple[Charge, ...]
    uses: tuple[Use, ...]

    @property
    def dollars(self) -> float:
        return sum(charge.dollars for charge in self.charges)
