"""What a .funcignore leaves out, as each of the two tools reads it.

- Azure Functions Core Tools (`func azure functionapp publish`): GitIgnoreParser.cs and FileSystemHelpers.cs of
  Azure/azure-functions-core-tools. A line is the beginning of a path, up to a word boundary: it is not looked for in
  folders, and one that ends with a slash misses names that start with a dot.
- azd (`azd deploy`): project_utils.go of Azure/azure-dev, patterns as git's; ignored folders are not entered.
"""

import re
from collections.abc import Callable, Iterable

from pathspec import GitIgnoreSpec

Ignores = Callable[[str], bool]
"""Whether a file is left out, by its path from the project's folder, with slashes."""
_NEVER_BY_CORE_TOOLS = frozenset({".funcignore", ".gitignore", "local.settings.json", "project.lock.json"})
_NOT_ENTERED_BY_CORE_TOOLS = frozenset({".git", ".vscode"})
_NEVER_BY_AZD = frozenset({".funcignore", "local.settings.json"})
_NOT_ENTERED_BY_AZD = frozenset({".azure"})
_SPECIAL = re.compile(r"[\-\[\]/{}()+?.\\^$|]")


def core_tools(text: str) -> Ignores:
    lines = list(_lines(text))
    left_out = _beginnings(line for line in lines if not line.startswith("!"))
    kept = _beginnings(line[1:] for line in lines if line.startswith("!"))

    def ignores(path: str) -> bool:
        *folders, name = path.split("/")
        if name.lower() in _NEVER_BY_CORE_TOOLS or any(each.lower() in _NOT_ENTERED_BY_CORE_TOOLS for each in folders):
            return True
        return not kept(path) and left_out(path)

    return ignores


def azd(text: str) -> Ignores:
    spec = GitIgnoreSpec.from_lines(_lines(text))

    def ignores(path: str) -> bool:
        *folders, name = path.split("/")
        return name in _NEVER_BY_AZD or any(each in _NOT_ENTERED_BY_AZD for each in folders) or spec.match_file(path)

    return ignores


READERS = {"func azure functionapp publish": core_tools, "azd deploy": azd}


def _lines(text: str) -> Iterable[str]:
    for line in text.splitlines():
        if (pattern := line.strip()) and not pattern.startswith("#"):
            yield pattern


def _beginnings(patterns: Iterable[str]) -> Callable[[str], bool]:
    expressions = [_expression(pattern.removeprefix("/")) for pattern in patterns]
    if not expressions:
        return lambda path: False
    beginning = re.compile(f"(?:{'|'.join(expressions)})\\b", re.ASCII)
    return lambda path: beginning.match(path) is not None


def _expression(pattern: str) -> str:
    escaped = _SPECIAL.sub(lambda found: "\\" + found[0], pattern)
    return escaped.replace("**", "(?:.+)").replace("*", "(?:[^/]+)")
