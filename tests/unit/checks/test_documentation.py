"""What README.md and docs/ name is there: files, modules, make targets; and every dependency says why it is here."""

import json
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from local.launch import PROJECT

PAGES = sorted([PROJECT / "README.md", *(PROJECT / "docs").glob("*.md"), *PROJECT.glob("*/README.md")])
LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")
MODULE = re.compile(r"python -m ([a-z_][\w.]*)")
TARGET = re.compile(r"(?:^|`|=\S+ )make ([a-z]+)", re.MULTILINE)


def named(page: Path) -> str:
    return str(page.relative_to(PROJECT))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_what_a_page_links_to_is_there(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text()) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_the_modules_that_a_page_calls_are_there(page: Path) -> None:
    modules = {module.rstrip(".") for module in MODULE.findall(page.read_text())}
    assert [module for module in modules if find_spec(module) is None] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_the_make_targets_that_a_page_calls_are_there(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    assert set(TARGET.findall(page.read_text())) <= targets


def test_every_dependency_says_why_it_is_here() -> None:
    page = (PROJECT / "docs" / "dependencies.md").read_text()
    lines = [line for path in PROJECT.glob("requirements*.in") for line in path.read_text().splitlines()]
    pins = {line.split("==")[0].split("[")[0].strip() for line in lines if line and not line.startswith(("#", "-"))}
    pins |= set(json.loads((PROJECT / "package.json").read_text())["dependencies"])
    groups = {
        "azure-eventhub-checkpointstoreblob-aio": "-aio",
        "types-jsonschema": "types-…",
        "types-psutil": "types-…",
    }
    missing = [pin for pin in sorted(pins) if not re.search(rf"(?<![\w-]){re.escape(groups.get(pin, pin))}", page)]
    assert missing == []
