"""`python -m checks.documents`: prints what is wrong; exit status 1 if anything is."""

import sys

from checks.documents.documents import findings


def main() -> int:
    found = findings()
    for finding in found:
        print(finding)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
