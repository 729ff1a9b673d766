"""`python -m checks.package`: what would be published, and how large it is; exit status 1 when that is wrong.

`--out FILE` writes the package; without `--source-only` the dependencies that a remote build adds are measured, too.
"""

import sys
from argparse import ArgumentParser
from pathlib import Path

from checks.package.contents import MOST_ZIPPED, PROJECT, findings, published, zipped
from checks.package.dependencies import NotInstalled, sizes
from checks.package.ignoring import READERS

LARGEST = 8
_MEGABYTE = 1_000_000


def main() -> int:
    parser = ArgumentParser(prog="python -m checks.package", description=__doc__)
    parser.add_argument("--source-only", action="store_true", help="leave the dependencies out")
    parser.add_argument("--out", type=Path, help="write the package there")
    asked = parser.parse_args()
    found = findings()
    for finding in found:
        print(finding)
    paths = published(next(iter(READERS)))
    package = zipped(paths)
    if asked.out:
        asked.out.write_bytes(package)
    print(f"{len(paths)} files, {len(package) / 1000:,.0f} KB zipped (at most {MOST_ZIPPED / _MEGABYTE:.0f} MB).")
    if not asked.source_only:
        _print_dependencies()
    return 1 if found or len(package) >= MOST_ZIPPED else 0


def _print_dependencies() -> None:
    try:
        by_size = sorted(sizes(PROJECT / "requirements.txt"), key=lambda each: -each.installed)
    except NotInstalled as missing:
        sys.exit(str(missing))
    installed, deflated = sum(each.installed for each in by_size), sum(each.zipped for each in by_size)
    print(
        f"A remote build adds {len(by_size)} packages: {installed / _MEGABYTE:,.1f} MB installed, "
        f"{deflated / _MEGABYTE:,.1f} MB zipped. The largest:"
    )
    for each in by_size[:LARGEST]:
        print(
            f"  {each.name:40} {each.installed / _MEGABYTE:6.1f} MB installed {each.zipped / _MEGABYTE:6.1f} MB zipped"
        )


if __name__ == "__main__":
    sys.exit(main())
