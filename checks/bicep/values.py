"""Values against Azure's published types: properties, what is required, enumerations, kinds and lengths."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tree_sitter import Node

from checks.bicep.declarations import Declarations, value_of
from checks.bicep.source import Source
from checks.bicep.types import ANYTHING, READ_ONLY, REQUIRED, Type, Types
from checks.findings import Finding

OF_BICEP = frozenset(["dependsOn", "parent", "scope"])
BRANCHES = {"ternary_expression": slice(1, None), "parenthesized_expression": slice(0, 1)}
KIND_OF = {"string": "a string", "number": "a number", "boolean": "a boolean", "object": "an object", "array": "a list"}
TAKES = {
    "StringType": ("string",),
    "StringLiteralType": ("string",),
    "IntegerType": ("number",),
    "BooleanType": ("boolean",),
    "ObjectType": ("object",),
    "DiscriminatedObjectType": ("object",),
    "ArrayType": ("array", "for_statement"),
}


@dataclass(frozen=True)
class Values:
    """Checks the values of one resource. A variable stands for what it was given."""

    source: Source
    declared: Declarations
    types: Types

    def check(self, expected: Type, node: Node, path: str) -> Iterator[Finding]:
        if node.type in BRANCHES:
            for each in node.named_children[BRANCHES[node.type]]:
                yield from self.check(expected, each, path)
            return
        if node.type == "identifier":
            variable = self.declared.of("var").get(self.source.text(node))
            value = value_of(variable.node) if variable else None
            if value is not None and value.type in ("object", "array", "ternary_expression", *KIND_OF):
                yield from self.check(expected, value, path)
            return
        if node.type == "for_statement":
            body = node.child_by_field_name("body")
            if expected["$type"] == "ArrayType" and body is not None:
                yield from self.check(self.types.at(expected["itemType"]), body, f"{path}[]")
            return
        yield from self._check_plain(expected, node, path)

    def _check_plain(self, expected: Type, node: Node, path: str) -> Iterator[Finding]:
        kind = expected["$type"]
        if kind == "UnionType":
            yield from self._check_union(expected, node, path)
        elif kind in TAKES and node.type in KIND_OF and node.type not in TAKES[kind]:
            yield self.source.finding(node, "type", f"{path} is {KIND_OF[node.type]}, not {KIND_OF[TAKES[kind][0]]}")
        elif kind == "ObjectType" and node.type == "object":
            yield from self.check_object(expected, node, path)
        elif kind == "DiscriminatedObjectType" and node.type == "object":
            yield from self._check_discriminated(expected, node, path)
        elif kind == "ArrayType" and node.type == "array":
            for index, each in enumerate(node.named_children):
                yield from self.check(self.types.at(expected["itemType"]), each, f"{path}[{index}]")
        elif kind in ("StringType", "StringLiteralType"):
            yield from self._check_text(expected, node, path)

    def _check_union(self, expected: Type, node: Node, path: str) -> Iterator[Finding]:
        """An open enumeration, one that takes any string, is held to its published values all the same."""
        elements = [self.types.at(each) for each in expected["elements"]]
        texts = [each["value"] for each in elements if each["$type"] == "StringLiteralType"]
        value = self.source.literal(node)
        if value is not None and texts and value not in texts:
            yield self.source.finding(node, "enum", f"{path}: '{value}' is not one of {', '.join(texts)}")
        elif value is None and node.type in KIND_OF and node.type != "string" and len(texts) == len(elements):
            yield self.source.finding(node, "type", f"{path} is {KIND_OF[node.type]}, not a string")

    def check_body(self, expected: Type, node: Node, path: str) -> Iterator[Finding]:
        """A resource's own object, which takes some properties of Bicep's."""
        check = self._check_discriminated if expected["$type"] == "DiscriminatedObjectType" else self.check_object
        yield from check(expected, node, path, OF_BICEP)

    def _check_discriminated(
        self, expected: Type, node: Node, path: str, also: frozenset[str] = frozenset()
    ) -> Iterator[Finding]:
        name = expected["discriminator"]
        properties, _ = self.source.properties(node)
        if name not in properties:
            yield self.source.finding(node, "required", f"{path}: '{name}' is missing")
            return
        chosen = self.source.literal(properties[name][1])
        if chosen is None:
            yield from self.check_object(self._any_of(expected), node, path, also)
            return
        if chosen not in expected["elements"]:
            choices = ", ".join(expected["elements"])
            yield self.source.finding(properties[name][0], "enum", f"{path}.{name}: '{chosen}' is not one of {choices}")
            return
        element = self.types.at(expected["elements"][chosen])
        both = {**expected.get("baseProperties", {}), **element.get("properties", {})}
        yield from self.check_object({**element, "properties": both}, node, path, also)

    def _any_of(self, expected: Type) -> Type:
        """What an object may hold when its kind is known only at deployment: the properties of every kind."""
        known = dict(expected.get("baseProperties", {}))
        for reference in expected["elements"].values():
            for name, each in self.types.at(reference).get("properties", {}).items():
                known.setdefault(name, {**each, "flags": each.get("flags", 0) & ~REQUIRED, "type": ANYTHING})
        return {"$type": "ObjectType", "properties": known}

    def _check_text(self, expected: Type, node: Node, path: str) -> Iterator[Finding]:
        value = self.source.literal(node)
        if value is None:
            return
        if expected["$type"] == "StringLiteralType":
            if value != expected["value"]:
                yield self.source.finding(node, "enum", f"{path}: '{value}' must be '{expected['value']}'")
            return
        low, high = expected.get("minLength", 0), expected.get("maxLength")
        if len(value) < low or (high is not None and len(value) > high):
            yield self.source.finding(node, "length", f"{path}: '{value}' must have {low} to {high} characters")
        elif not _fits(expected.get("pattern"), value):
            yield self.source.finding(node, "pattern", f"{path}: '{value}' does not match {expected['pattern']}")

    def check_object(
        self, expected: Type, node: Node, path: str, also: frozenset[str] = frozenset()
    ) -> Iterator[Finding]:
        properties, is_open = self.source.properties(node)
        known: Mapping[str, Type] = expected.get("properties", {})
        for name, (at, value) in properties.items():
            if name in known:
                if known[name].get("flags", 0) & READ_ONLY and name not in ("name", "type"):
                    yield self.source.finding(at, "read-only", f"{path}.{name} can't be set")
                elif value is not None:
                    yield from self.check(self.types.at(known[name]["type"]), value, f"{path}.{name}")
            elif expected.get("additionalProperties"):
                if value is not None:
                    yield from self.check(self.types.at(expected["additionalProperties"]), value, f"{path}.{name}")
            elif name not in also:
                close = difflib.get_close_matches(name, known, 1)
                hint = f"; is it '{close[0]}'?" if close else ""
                yield self.source.finding(at, "property", f"{path} has no property '{name}'{hint}")
        for name, each in known.items():
            flags = each.get("flags", 0)
            if flags & REQUIRED and not flags & READ_ONLY and name not in properties and not is_open:
                yield self.source.finding(node, "required", f"{path}: '{name}' is missing")


def _fits(pattern: str | None, value: str) -> bool:
    """Patterns are .NET's; one that Python does not understand fits everything."""
    if pattern is None:
        return True
    try:
        return re.search(pattern, value) is not None
    except re.error:
        return True
