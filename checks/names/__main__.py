"""`python -m checks.names`: prints the names that are spelled outside topology.json; exit status 1 if any is."""

import sys

from checks.names.spelled import findings


def main() -> int:
    found = findings()
    for finding in found:
        print(finding)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
