"""`python -m checks.kql`: prints what is wrong with the project's KQL; exit status 1 if anything is."""

import json
import sys

from checks.findings import Finding
from checks.kql.checker import Checker
from checks.kql.sources import PROJECT, Recogniser, scripts
from checks.kql.topology import FILE, broken_topology


def findings() -> list[Finding]:
    topology = json.loads((PROJECT / FILE).read_text())
    with Checker() as checker:
        found, schema = checker.scripts(topology["dataExplorer"]["database"], scripts())
        recogniser = Recogniser(schema)
        in_queries, _ = checker.queries(recogniser.queries())
    return [*found, *in_queries, *recogniser.built_strings(), *broken_topology(topology, schema)]


def main() -> int:
    found = findings()
    for finding in found:
        print(finding)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
