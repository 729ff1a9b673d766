"""The twin graph as a tree: each site, what it contains level by level, and the current values."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.tree import Tree

from local.stack.twin_graph import Document, TwinGraph

MAX_CHILDREN = 10
"""Twins that are shown below each place."""
MAX_LEVELS = 4


def twin_tree(graph: TwinGraph, sites: Sequence[str]) -> Tree:
    """`sites` are the paths of the places to begin with."""
    tree = Tree("The twin graph", guide_style="dim")
    below = {twin["$dtId"]: tree.add(_label(twin)) for twin in graph.with_paths(sites[:MAX_CHILDREN])}
    for _ in range(MAX_LEVELS):
        below = _next_level(graph, below)
    return tree


def _next_level(graph: TwinGraph, places: Mapping[str, Tree]) -> dict[str, Tree]:
    """Adds to each place what it contains; the branches that were added, by their twins' ids."""
    added: dict[str, Tree] = {}
    for place, branch in places.items():
        children, count = graph.contained(place, MAX_CHILDREN)
        for child in children:
            added[child["$dtId"]] = branch.add(_label(child))
        if count > len(children):
            branch.add(f"[dim]… and {count - len(children):,} more[/]")
    return added


def _label(twin: Document) -> str:
    name = str(twin.get("path", twin["$dtId"])).rpartition("/")[2]
    model = str(twin["$metadata"]["$model"]).rpartition(":")[2].partition(";")[0]
    values = {key: value for key, value in twin.items() if not key.startswith("$") and key != "path"}
    shown = ", ".join(f"{key} [cyan]{escape(_shown(value))}[/]" for key, value in values.items())
    return f"[bold]{escape(name)}[/] [dim]{escape(model)}[/] {shown}"


def _shown(value: Any) -> str:
    return f"{value:,.2f}" if isinstance(value, float) else str(value)
