"""Every script of kql/ is run, in the order of its name, and what the archive needs before it."""

from collections.abc import Iterator
from pathlib import Path

from checks.bicep.modules import loaded_files
from checks.bicep.source import PROJECT, Source
from checks.findings import Finding

LISTED, LAST = "data-explorer.bicep", "ingestion.bicep"
"""The module that runs the scripts one after another, and the one that runs those which need roles, after it."""


def scripts_out_of_order(files: list[Source], root: Path = PROJECT) -> Iterator[Finding]:
    """A script that is missing, twice there, or run before one of a lower number."""
    loaded = [
        (source, node, path.name)
        for wanted in (LISTED, LAST)
        for source in files
        if source.path.name == wanted
        for node, path in loaded_files(source)
        if path.suffix == ".kql"
    ]
    names = list(dict.fromkeys(name for _, _, name in loaded))
    expected = sorted(path.name for path in (root / "kql").glob("[0-9][0-9][0-9]-*.kql"))
    for missing in sorted(set(expected) - set(names)):
        yield Finding(f"infra/app/{LISTED}", 1, 1, "scripts", f"kql/{missing} is run by no script resource")
    if not set(expected) - set(names) and names != expected:
        yield Finding(f"infra/app/{LISTED}", 1, 1, "scripts", f"the scripts run as {', '.join(names)}")
