"""twins: telemetry hub → Digital Twins. Every asset's twin holds the newest value of each of its tags."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from shared.consumers.concurrency import with_each
from shared.consumers.outcomes import lag
from shared.consumers.provisioning import PATH, Provisioner
from shared.consumers.twin_outcomes import TwinOutcome
from shared.dead_letters.letters import TWINS, letter_of_telemetry
from shared.gateways.digital_twins import TwinChanged, TwinMissing, TwinRefused
from shared.gateways.errors import Unavailable
from shared.telemetry.decoding import Decoded
from shared.telemetry.events import HubEvent, Reason, Rejected
from shared.twins.coalescing import AssetBatch, Fate, Newest, coalesce
from shared.twins.comparison import Change, Operation, changes, patched
from shared.twins.registry import registry

if TYPE_CHECKING:
    from shared.gateways.digital_twins import Document, TwinGraph
    from shared.gateways.worker import Gateways

MAX_TRIES = 50
"""Of a patch while others change the twin: at ten patches a second, five seconds."""


async def update_twins(events: Sequence[HubEvent], decoded: Decoded, at: "Gateways") -> TwinOutcome:
    """Brings the twins up to date with a batch. What can't be decoded is `store`'s to dead-letter.

    Raises Unavailable, and then the same batch is to be given again.
    """
    outcome = TwinOutcome("update_twins", lag_seconds=lag(event.enqueued_time for event in events))
    outcome.messages = len(events)
    outcome.received = len(decoded.telemetry) + len(decoded.rejections)
    outcome.passed = len(decoded.rejections)
    assets = coalesce(decoded.telemetry, registry())
    partition = events[0].partition if events else ""
    provisioner = Provisioner(at.twins, registry(), at.twin_memory) if at.makes_twins else None

    async def bring_up_to_date(asset: AssetBatch) -> _Result:
        return await _attempt(AssetTwin(asset, at, provisioner, partition))

    results = await with_each(assets, bring_up_to_date)
    for asset, result in zip(assets, results, strict=True):
        _count(asset, result, outcome)
    await at.letter_box.put(
        [
            letter_of_telemetry(TWINS, element, result.rejected)
            for asset, result in zip(assets, results, strict=True)
            if result.rejected is not None
            for element in asset.elements
        ]
    )
    return outcome


class _Result(NamedTuple):
    """What came of one asset's readings: all of it rejected, or each reading's fate."""

    fates: Counter[Fate]
    rejected: Rejected | None = None
    is_attached: bool = True


def _count(asset: AssetBatch, result: _Result, outcome: TwinOutcome) -> None:
    if result.rejected is not None:
        outcome.dead_lettered[result.rejected.reason] += len(asset.elements)
        return
    outcome.updated += len(asset.elements)
    outcome.fates.update(result.fates)
    outcome.unattached += not result.is_attached


async def _attempt(twin: "AssetTwin") -> _Result:
    """Raises Unavailable; whatever else goes wrong with one asset leaves the others alone."""
    try:
        fates = await twin.bring_up_to_date()
    except Unavailable:
        raise
    except Rejected as rejected:
        return _Result(Counter(), rejected)
    except Exception as fault:  # noqa: BLE001 - the batch boundary: a fault of ours must not block the partition
        return _Result(Counter(), Rejected(Reason.UNEXPECTED, f"{type(fault).__name__}: {fault}"))
    return _Result(fates, is_attached=twin.is_attached)


class AssetTwin:
    """One asset's twin, and what a batch has for it."""

    def __init__(self, asset: AssetBatch, at: "Gateways", provisioner: Provisioner | None, partition: str) -> None:
        self._asset = asset
        self._graph: TwinGraph = at.twins
        self._memory = at.twin_memory
        self._provisioner = provisioner
        self._lane = ("update", partition)
        self._model = ""
        self.is_attached = True

    async def bring_up_to_date(self) -> Counter[Fate]:
        """Sends what is newer than the twin's. A property that is refused is found by halving, and left out.

        Raises Rejected when there is no twin or its model is gone, Unavailable.
        """
        fates = Counter(self._asset.fates)
        everything = [*self._asset.newest, PATH]
        groups = [everything]
        while groups:
            names = groups.pop()
            try:
                fates += await self._settle(names)
            except TwinRefused as refusal:
                if names is everything:
                    await self._check_model(refusal)
                if len(names) > 1:
                    middle = len(names) // 2
                    groups += [names[middle:], names[:middle]]
                elif names != [PATH]:
                    fates[Fate.REFUSED] += 1
        return fates

    async def _check_model(self, refusal: TwinRefused) -> None:
        """Raises Rejected when the refusal is not of one property: the twin's model was deleted."""
        if not (self._model and await self._graph.has_model(self._model)):
            raise Rejected(Reason.TWIN_REFUSED, f"the twin's model {self._model!r} is not there: {refusal}")

    async def _settle(self, names: Sequence[str]) -> Counter[Fate]:
        """Brings these properties up to date, whoever else is at the twin. Raises TwinRefused, Rejected."""
        newest = {name: value for name, value in self._asset.newest.items() if name in names}
        for _ in range(MAX_TRIES):
            try:
                twin, found, fates = await self._compared(newest)
                self._model = twin["$metadata"]["$model"]
                operations = [operation for change in found for operation in change.operations]
                if PATH in names:
                    operations += await self._attached(twin)
                await self._patch(twin, operations)
            except TwinMissing:
                await self._make()
            except TwinChanged:
                continue
            else:
                return fates + Counter({Fate.SENT: len(found)})
        raise Unavailable("Digital Twins", TimeoutError(f"others change twin {self._asset.twin_id} time and again"))

    async def _compared(self, newest: Mapping[str, Newest]) -> tuple["Document", list[Change], Counter[Fate]]:
        """The twin, and what is newer than what it holds. Raises TwinMissing.

        A twin that this worker knows need not be read when all is to be sent: the patch holds only if nobody has
        changed it. That something is not to be sent is decided on the twin as it is now.
        """
        known = self._memory.known.take(self._asset.twin_id)
        if known is not None:
            found, fates = changes(known, newest, self._memory.suppressed)
            if found and not fates:
                return known, found, fates
        twin = await self._graph.get(self._asset.twin_id)
        return twin, *changes(twin, newest, self._memory.suppressed)

    async def _patch(self, twin: "Document", operations: list[Operation]) -> None:
        if operations:
            etag = await self._graph.patch(twin, operations, self._lane)
            twin = patched(twin, operations, etag)
        self._memory.known.put(twin)

    async def _make(self) -> None:
        asset, kind = self._asset.asset, self._asset.kind
        if kind is None:
            raise Rejected(Reason.NO_TWIN, f"no rule of the asset registry is of {asset!r}, and it has no twin")
        if self._provisioner is None:
            raise Rejected(Reason.NO_TWIN, f"{asset!r} has no twin, and TWIN_AUTO_PROVISION is off")
        await self._provisioner.make(asset, kind)

    async def _attached(self, twin: "Document") -> list[Operation]:
        """Ties the twin to its place if it is not, and then the operation that says so."""
        if self._provisioner is None or not self._provisioner.is_loose(twin, self._asset.kind):
            return []
        self.is_attached = await self._provisioner.attach(self._asset.asset)
        return [{"op": "add", "path": f"/{PATH}", "value": self._asset.asset}] if self.is_attached else []
