"""A Bicep file as a syntax tree (tree-sitter), and the few questions that every check asks of it."""

import itertools
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

from checks.findings import Finding

PROJECT = Path(__file__).resolve().parents[2]
BODIES = ("object", "for_statement", "if_statement")


@lru_cache(maxsize=1)
def _parser() -> Parser:
    return Parser(Language(tree_sitter_bicep.language()))


class Source:
    """One file, parsed. `name` is how findings call it."""

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name
        self._bytes = path.read_bytes()
        self.root = _parser().parse(self._bytes).root_node

    def text(self, node: Node) -> str:
        return self._bytes[node.start_byte : node.end_byte].decode()

    def finding(self, node: Node, code: str, message: str) -> Finding:
        return Finding(self.name, node.start_point[0] + 1, node.start_point[1] + 1, code, message)

    def literal(self, node: Node | None) -> str | None:
        """What a string without interpolation says, else None."""
        if node is None or node.type != "string" or any(each.type == "interpolation" for each in node.named_children):
            return None
        text = self.text(node)
        if text.startswith("'''"):
            return text[3:-3].removeprefix("\n")
        return text[1:-1].replace("\\'", "'").replace("\\$", "$").replace("\\\\", "\\")

    def properties(self, body: Node) -> tuple[dict[str, tuple[Node, Node | None]], bool]:
        """An object's properties by name: (property, value); and whether some names are known only at run time."""
        found: dict[str, tuple[Node, Node | None]] = {}
        is_open = any(each.type == "..." for each in body.children)
        for each in body.named_children:
            if each.type != "object_property":
                is_open = is_open or each.type not in ("comment", "diagnostic_comment")
                continue
            key = each.named_children[0]
            if key.type in ("resource_declaration", "decorators"):
                continue
            name = self.text(key) if key.type in ("identifier", "property_identifier") else self.literal(key)
            if name is None:
                is_open = True
            else:
                found[name] = (each, each.named_children[1] if each.named_child_count > 1 else None)
        return found, is_open

    def doubles(self) -> Iterator[Finding]:
        """Properties that an object has twice."""
        for body in walk(self.root):
            properties = [each for each in body.named_children if each.type == "object_property"]
            names = [self.text(each.named_children[0]) for each in properties]
            for index, each in enumerate(properties):
                if names[index] in names[:index]:
                    yield self.finding(each, "property", f"'{names[index]}' is set twice")

    def syntax_errors(self) -> Iterator[Finding]:
        waiting = [self.root]
        while waiting:
            node = waiting.pop()
            if node.is_missing:
                yield self.finding(node, "syntax", f"{node.type} is missing")
            elif node.is_error:
                yield self.finding(node, "syntax", f"not understood: {self.text(node)[:60]!r}")
            else:
                yield from self._run_together(node)
                waiting += node.children

    def _run_together(self, node: Node) -> Iterator[Finding]:
        """Two properties on one line without a comma between them, which the grammar lets pass."""
        properties = [each for each in node.children if each.type == "object_property"]
        for one, next_one in itertools.pairwise(properties):
            between = self._bytes[one.end_byte : next_one.start_byte]
            if b"," not in between and b"\n" not in between:
                yield self.finding(next_one, "syntax", "a comma or a new line is missing before this property")


def walk(node: Node) -> Iterator[Node]:
    """The node and all under it, in the order of the text."""
    yield node
    for each in node.named_children:
        yield from walk(each)


def identifier(declaration: Node) -> Node | None:
    """The node of a declaration's name."""
    return next((each for each in declaration.named_children if each.type == "identifier"), None)


def body_of(declaration: Node) -> Node | None:
    """The object that a resource or module is given, out of its loop and its condition."""
    node = next((each for each in reversed(declaration.named_children) if each.type in BODIES), None)
    while node is not None and node.type != "object":
        node = next((each for each in reversed(node.named_children) if each.type in BODIES), None)
    return node


def bicep_files(root: Path) -> list[Path]:
    """main.bicep and its modules."""
    return sorted((root / "infra").rglob("*.bicep"))


def sources(root: Path = PROJECT) -> list[Source]:
    return [Source(path, str(path.relative_to(root))) for path in bicep_files(root)]
