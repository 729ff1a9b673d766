"""What a workflow must hold to beyond its schema: least rights, pinned actions, an end.

Source: docs.github.com, "Secure use reference" (pin actions to a full-length commit SHA, least permissions of
GITHUB_TOKEN) and "OpenID Connect" (id-token: write, an environment).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

PINNED = re.compile(r"^[\w.-]+/[\w./-]+@[0-9a-f]{40}$")
MAY_BE_WRITTEN = frozenset({"id-token"})


def broken_rules(workflow: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Places and what is wrong there, of a workflow that its schema takes."""
    if "permissions" not in workflow:
        yield "$.permissions", "name the permissions of every job here: without them, the token may do whatever it can"
    yield from _rights(workflow.get("permissions", {}), "$.permissions")
    for name, job in workflow["jobs"].items():
        place = f"$.jobs.{name}"
        yield from _rights(job.get("permissions", {}), f"{place}.permissions")
        if _logs_in(job) and "environment" not in job:
            yield place, "a job that gets a token for Azure (id-token: write) needs an environment, which guards it"
        if "uses" in job:
            yield from _pinned(job["uses"], place)
        elif "timeout-minutes" not in job:
            yield place, "give timeout-minutes: without it a job that hangs runs for six hours"
        for number, step in enumerate(job.get("steps", ())):
            yield from _step(step, f"{place}.steps[{number}]")


def _rights(permissions: str | Mapping[str, str], place: str) -> Iterator[tuple[str, str]]:
    if isinstance(permissions, str):
        if permissions != "read-all":
            yield place, f"{permissions} is more than a job needs: name each permission"
        return
    for name, right in permissions.items():
        if right == "write" and name not in MAY_BE_WRITTEN:
            yield f"{place}.{name}", "no job here needs to write that"


def _logs_in(job: Mapping[str, Any]) -> bool:
    permissions = job.get("permissions", {})
    return isinstance(permissions, Mapping) and permissions.get("id-token") == "write"


def _step(step: Mapping[str, Any], place: str) -> Iterator[tuple[str, str]]:
    uses = step.get("uses")
    if uses is None:
        return
    yield from _pinned(uses, place)
    if uses.startswith("actions/checkout@") and step.get("with", {}).get("persist-credentials") is not False:
        yield place, "give checkout persist-credentials: false, or later steps have the token"


def _pinned(uses: str, place: str) -> Iterator[tuple[str, str]]:
    if not uses.startswith("./") and not PINNED.match(uses):
        yield place, f"{uses}: pin it by the full SHA of its commit; a tag can be moved"
