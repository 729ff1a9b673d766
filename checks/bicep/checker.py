"""Every check of the Bicep files, together."""

import json
from collections.abc import Iterator
from pathlib import Path

from checks.bicep.declarations import declarations, unresolved
from checks.bicep.modules import broken_modules, missing_files
from checks.bicep.names import TOPOLOGY, names_of, unknown_keys, unknown_members, written_out
from checks.bicep.parameters import ENTRY, FILE, careless, unfit_parameter_file
from checks.bicep.resources import broken_resources
from checks.bicep.scripts import scripts_out_of_order
from checks.bicep.source import PROJECT, Source, sources
from checks.findings import Finding


def findings(root: Path = PROJECT) -> list[Finding]:
    """What is wrong with the Bicep under a root."""
    files = sources(root)
    found = [finding for source in files for finding in findings_in(source)]
    entry = next(source for source in files if source.name == ENTRY)
    values = (root / FILE).read_text()
    return [*found, *scripts_out_of_order(files, root), *unfit_parameter_file(entry, declarations(entry), values)]


def findings_in(source: Source) -> Iterator[Finding]:
    """What is wrong with one file. What can't be parsed is looked at no further."""
    errors = list(source.syntax_errors())
    yield from errors
    if errors:
        return
    declared = declarations(source)
    yield from source.doubles()
    yield from declared.doubles
    yield from unresolved(source, declared)
    yield from broken_modules(source, declared)
    yield from missing_files(source)
    yield from broken_resources(source, declared)
    yield from unknown_keys(source, declared)
    yield from unknown_members(source, declared)
    yield from written_out(source, names_of(json.loads(TOPOLOGY.read_text())))
    yield from careless(source, declared)
