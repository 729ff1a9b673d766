"""`python -m checks.bicep.trimming SOURCE`: cuts the resource types that infra/ uses out of a bicep-types-az checkout.

SOURCE is a folder with `generated/*/<namespace>/<apiVersion>/types.json` somewhere under it. What comes out has no
descriptions, and nothing deeper than DEPTH, which stands there as AnyType.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from checks.bicep.resources import resources
from checks.bicep.source import sources
from checks.bicep.types import FOLDER, file_of

DEPTH = 9
"""Property levels that are kept; a subnet's delegation in a virtual network is the deepest that is used."""
_ANY = {"$type": "AnyType"}

Type = dict[str, Any]


def used_types() -> set[str]:
    """`Namespace/type@version` of each resource in infra/."""
    return {each.full_type for source in sources() for each in resources(source)}


def trimmed(types: list[Type], resource: Type) -> list[Type]:
    """A resource type and what it refers to, numbered anew; the resource comes first."""
    kept: list[Type] = []
    places: dict[int, int] = {}

    def keep(reference: Type, depth: int) -> Type:
        number = int(reference["$ref"].rpartition("/")[2])
        if number not in places:
            places[number] = len(kept)
            kept.append({})
            kept[places[number]] = dict(_ANY) if depth > DEPTH else copied(types[number], depth)
        return {"$ref": f"#/{places[number]}"}

    def copied(value: Any, depth: int) -> Any:
        if isinstance(value, list):
            return [copied(each, depth) for each in value]
        if not isinstance(value, dict):
            return value
        if set(value) == {"$ref"}:
            return keep(value, depth + 1)
        return {
            name: copied(each, depth)
            for name, each in value.items()
            if name != "description" or not isinstance(each, str)
        }

    kept.append({})
    kept[0] = {"$type": "ResourceType", "name": resource["name"], "body": keep(resource["body"], 0)}
    return kept


def _found(source: Path, wanted: str) -> Iterator[list[Type]]:
    kind, _, version = wanted.partition("@")
    for path in source.rglob(f"{kind.partition('/')[0].lower()}/{version.lower()}/types.json"):
        types = json.loads(path.read_text())
        for each in types:
            if each["$type"] == "ResourceType" and each["name"].lower() == wanted.lower():
                yield trimmed(types, each)


def main(source: Path) -> int:
    missing = 0
    for old in FOLDER.glob("*.json"):
        old.unlink()
    for wanted in sorted(used_types()):
        types = next(_found(source, wanted), None)
        if types is None:
            print(f"{wanted} is not there")
            missing += 1
            continue
        lines = ",\n".join(json.dumps(each, separators=(",", ":"), sort_keys=True) for each in types)
        file_of(wanted).write_text(f"[\n{lines}\n]\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
