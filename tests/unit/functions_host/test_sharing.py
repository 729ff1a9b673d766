"""How hosts share partitions and leases: nobody starves, nobody takes too much, all is owned in the end."""

import random
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from local.functions_host.cosmos_leases import Lease, leases_to_take
from local.functions_host.event_hub_ownership import Ownership, share_of

NOW = 1_000_000.0
EXPIRATION = 120.0


def _rounds(hosts: int, partitions: int, chance: random.Random) -> dict[str, str]:
    names = [str(number) for number in range(partitions)]
    owned: dict[str, str] = {}
    for _ in range(2 * partitions + 2):
        for host in (f"host{number}" for number in range(hosts)):
            known = [Ownership(partition, owner, NOW) for partition, owner in owned.items()]
            share = share_of(host, names, known, NOW, EXPIRATION, chance)
            owned.update(dict.fromkeys(share.free, host))
            if share.stolen:
                owned[share.stolen] = host
    return owned


@given(st.integers(1, 6), st.integers(1, 32), st.randoms())
def test_partitions_end_evenly_shared(hosts: int, partitions: int, chance: random.Random) -> None:
    owned = _rounds(hosts, partitions, chance)
    counts = [list(owned.values()).count(f"host{number}") for number in range(hosts)]

    assert sum(counts) == partitions
    assert max(counts) - min(counts) <= 1


def test_partitions_of_a_dead_or_stopped_host_are_claimed_at_once() -> None:
    known = [Ownership("0", "dead", NOW - EXPIRATION - 1), Ownership("1", "", NOW), Ownership("2", "alive", NOW)]
    share = share_of("me", ["0", "1", "2"], known, NOW, EXPIRATION, random.Random(1))

    assert len(share.free) == 2
    assert set(share.free) == {"0", "1"}
    assert share.stolen is None


def _lease(number: int, owner: str | None, touched: datetime) -> Lease:
    return Lease(f"lease{number}", {}, owner, None, touched)


@given(st.integers(1, 6), st.integers(1, 24))
def test_leases_end_shared_with_nobody_above_the_share(hosts: int, count: int) -> None:
    now = datetime(2025, 1, 1, tzinfo=UTC)
    owned: dict[int, str | None] = dict.fromkeys(range(count))
    for _ in range(2 * count + 2):
        for host in (f"host{number}" for number in range(hosts)):
            leases = [_lease(number, owner, now) for number, owner in owned.items()]
            for lease in leases_to_take(host, leases, now, timedelta(seconds=60)):
                owned[int(lease.id.removeprefix("lease"))] = host
    counts = [list(owned.values()).count(f"host{number}") for number in range(hosts)]

    assert sum(counts) == count
    assert max(counts) <= -(-count // hosts) or hosts > count


def test_expired_leases_are_free() -> None:
    now = datetime(2025, 1, 1, tzinfo=UTC)
    leases = [_lease(0, "dead", now - timedelta(seconds=61)), _lease(1, "alive", now)]
    assert [lease.id for lease in leases_to_take("me", leases, now, timedelta(seconds=60))] == ["lease0"]
