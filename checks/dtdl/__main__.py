"""`python -m checks.dtdl`: prints what is wrong with models and asset registry; exit status 1 if anything is."""

import sys

from checks.dtdl.parser import Finding, models_of, parsed
from checks.dtdl.registry import disagreements
from shared.twins.registry import registry


def findings() -> list[Finding]:
    (project,) = parsed(models_of())
    return project.findings or disagreements(registry(), project.models)


def main() -> int:
    found = findings()
    for finding in found:
        print(finding)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
