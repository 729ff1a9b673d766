"""What the end-to-end tests ask of the twin graph and of its history."""

import time
from collections.abc import Sequence
from typing import Any

from local.stack.twin_graph import Document, TwinGraph
from shared.twins.registry import registry
from simulator.samples import Message
from tests.e2e.pipeline import Pipeline, readings_of

AHEAD_SECONDS = 300
Values = dict[tuple[str, str], Any]
"""A value for each asset, or place, and tag."""


class Twins:
    """The twins of one fleet, by the paths of its assets."""

    def __init__(self, pipeline: Pipeline, messages: Sequence[Message]) -> None:
        assert pipeline.servers.connections is not None
        self.pipeline = pipeline
        self.newest = newest_of(messages)
        self.assets = sorted({asset for asset, _ in self.newest})
        self.sites = sorted({asset.partition("/")[0] for asset in self.assets})
        self._url = pipeline.servers.connections.digital_twins_http

    def documents(self, paths: Sequence[str]) -> dict[str, Document]:
        with TwinGraph(self._url) as graph:
            return {twin["path"]: twin for twin in graph.with_paths(paths)}

    def wrong(self) -> Values:
        """What the twins should hold and do not. A value may be off by its tag's deadband: nearer ones are not sent."""
        twins = self.documents(self.assets)
        return {
            (asset, tag): (value, twins.get(asset, {}).get(tag))
            for (asset, tag), value in self.newest.items()
            if not _is_held(twins.get(asset, {}).get(tag), value, asset, tag)
        }

    def wrong_places(self) -> Values:
        """What the sites make of their assets, and should not."""
        assets, places = self.documents(self.assets), self.documents(self.sites)
        wanted: Values = {}
        for site in self.sites:
            below = [twin["temperature"] for path, twin in assets.items() if path.startswith(f"{site}/")]
            wanted |= {(site, "temperatureMin"): min(below), (site, "temperatureMax"): max(below)}
            wanted[site, "assetCount"] = len(below)
        found = {(site, name): places.get(site, {}).get(name) for site, name in wanted}
        return {key: (wanted[key], found[key]) for key in wanted if wanted[key] != found[key]}

    def wrong_history(self) -> Values:
        """What the history in Data Explorer has as the twins' last values, and is not."""
        twins = {twin["$dtId"]: twin for twin in self.documents([*self.assets, *self.sites]).values()}
        rows = self.pipeline.query("TwinAsOf() | project Id, Key, Value")
        found = {(id, key): value for id, key, value in rows if id in twins}
        wanted = {
            (id, key): value for id, twin in twins.items() for key, value in twin.items() if not key.startswith("$")
        }
        return {
            key: (wanted.get(key), found.get(key)) for key in {*wanted, *found} if wanted.get(key) != found.get(key)
        }


def newest_of(messages: Sequence[Message]) -> Values:
    """The newest reading of each asset and tag, of those that no clock ahead has made."""
    newest: Values = {}
    for asset, tag, timestamp, _, value in sorted(readings_of(messages), key=lambda reading: reading[2]):
        if timestamp.timestamp() <= time.time() + AHEAD_SECONDS:
            newest[asset, tag] = value
    return newest


def assert_twins_hold_the_newest(pipeline: Pipeline, messages: Sequence[Message]) -> None:
    """Every asset's twin ends with its newest readings, and every site with what they come to."""
    twins = Twins(pipeline, messages)
    pipeline.wait(lambda: not twins.wrong() and not twins.wrong_places())
    assert twins.wrong() == {}
    assert twins.wrong_places() == {}


def assert_history_ends_as_the_twins_are(pipeline: Pipeline, messages: Sequence[Message]) -> None:
    twins = Twins(pipeline, messages)
    pipeline.wait(lambda: not twins.wrong_history())
    assert twins.wrong_history() == {}


def _is_held(found: Any, wanted: Any, asset: str, tag: str) -> bool:
    kind = registry().kind_of(asset)
    assert kind is not None
    deadband = registry().tags_of(kind)[tag].deadband
    if deadband is None or found is None:
        return bool(found == wanted)
    return bool(abs(found - wanted) <= deadband)
