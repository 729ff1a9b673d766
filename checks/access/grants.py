"""infra/grants.json against what is needed: each need has a role, each role a need, and none gives more than a smaller
one that would do."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from checks.access.needs import ACCOUNT, Need
from checks.access.rights import gives, roles_of
from checks.bicep.source import PROJECT
from checks.findings import Finding

FILE = Path("infra/grants.json")


@dataclass(frozen=True)
class Grant:
    """A role for a principal on a resource, as a line of grants.json has it."""

    principal: str
    service: str
    resource: str
    role: str
    why: str


def grants(path: Path = PROJECT / FILE) -> list[Grant]:
    return [Grant(**each) for each in json.loads(path.read_text())]


def unfit_grants(given: Iterable[Grant], needed: Iterable[Need]) -> Iterator[Finding]:
    given, needed = list(given), list(needed)
    for need in needed:
        if not any(_serves(grant, need) for grant in given):
            yield _finding(
                "missing", f"{need.principal} needs {need.right} on {need.service}/{need.resource}: {need.why}"
            )
    for grant in given:
        served = [need for need in needed if _serves(grant, need)]
        others = [each for each in given if each != grant]
        if grant.role not in roles_of(grant.service):
            yield _finding("role", f"{grant.role} is no role that checks/access/rights.py knows of {grant.service}")
        elif not served:
            yield _finding("unneeded", f"nothing needs that {grant.principal} is {grant.role} on {_place(grant)}")
        elif all(any(_serves(other, need) for other in others) for need in served):
            yield _finding(
                "unneeded", f"{grant.principal} has what {grant.role} on {_place(grant)} gives from other roles"
            )
        else:
            yield from _too_large(grant, served)


def _serves(grant: Grant, need: Need) -> bool:
    is_there = grant.resource == need.resource or (grant.service == "storage" and grant.resource == ACCOUNT)
    return (
        (grant.principal, grant.service) == (need.principal, need.service)
        and is_there
        and gives(roles_of(grant.service).get(grant.role, ()), need.right)
    )


def _too_large(grant: Grant, served: list[Need]) -> Iterator[Finding]:
    """A role that gives less and would do as well."""
    roles = roles_of(grant.service)
    for role, rights in roles.items():
        is_smaller = rights < roles[grant.role]
        if is_smaller and all(gives(rights, need.right) for need in served):
            yield _finding("too large", f"{role} would do for {grant.principal} on {_place(grant)}")


def _place(grant: Grant) -> str:
    return f"{grant.service}/{grant.resource}"


def _finding(code: str, message: str) -> Finding:
    return Finding(str(FILE), 1, 1, code, message)
