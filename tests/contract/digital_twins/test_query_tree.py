"""The twin graph as a tree, read by queries from a server with the project's own models."""

import io
import json
from collections.abc import Iterator

import pytest
from azure.digitaltwins.core import DigitalTwinsClient
from rich.console import Console

from local.launch import ServerProcess
from local.stack.provisioning import MODELS
from local.stack.twin_graph import TwinGraph
from local.stack.twin_tree import MAX_CHILDREN, twin_tree

MORE = 2


@pytest.fixture
def graph(digital_twins: ServerProcess) -> Iterator[TwinGraph]:
    assert digital_twins.admin is not None
    with TwinGraph(digital_twins.admin) as graph:
        for _ in range(2):  # the second time there is nothing to add
            graph.add_models([json.loads(path.read_text()) for path in sorted(MODELS.glob("*.json"))])
        yield graph


@pytest.fixture
def site(graph: TwinGraph, client: DigitalTwinsClient, name: str) -> str:
    """A site with an area of one mote, and more motes than are shown."""
    make(client, name, "Site", name, assetCount=MAX_CHILDREN + MORE, temperatureAverage=1234.5678)
    make(client, f"{name}-a", "Area", f"{name}/[b]old's", within=name)
    make(client, f"{name}-a-m", "Mote", f"{name}/[b]old's/mote", within=f"{name}-a", humidity=1.25, status="ok")
    for number in range(1, MAX_CHILDREN + MORE):
        make(client, f"{name}-m{number:02}", "Mote", f"{name}/mote{number:02}", within=name)
    return name


def make(client: DigitalTwinsClient, id: str, model: str, path: str, within: str = "", **values: object) -> None:
    client.upsert_digital_twin(id, {"$metadata": {"$model": f"dtmi:iot:{model};1"}, "path": path, **values})
    if within:
        client.upsert_relationship(within, id, {"$relationshipName": "contains", "$targetId": id})


def test_the_tree_shows_each_level_with_its_values_and_tells_what_it_leaves_out(graph: TwinGraph, site: str) -> None:
    shown = io.StringIO()

    Console(width=200, file=shown).print(twin_tree(graph, [site]))

    lines = [line.rstrip() for line in shown.getvalue().splitlines()]
    assert lines[:4] == [
        "The twin graph",
        f"└── {site} Site assetCount {MAX_CHILDREN + MORE}, temperatureAverage 1,234.57",
        "    ├── [b]old's Area",
        "    │   └── mote Mote humidity 1.25, status ok",
    ]
    assert lines[4:] == [
        *(f"    ├── mote{number:02} Mote" for number in range(1, MAX_CHILDREN)),
        f"    └── … and {MORE} more",
    ]


def test_twins_are_found_by_their_paths(graph: TwinGraph, site: str) -> None:
    found = graph.with_paths([f"{site}/[b]old's", f"{site}/mote01", "nowhere", *(f"{site}/{n}" for n in range(60))])

    assert [twin["$dtId"] for twin in found] == [f"{site}-a", f"{site}-m01"]
