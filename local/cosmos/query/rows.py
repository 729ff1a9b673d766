"""From documents to result rows: FROM and JOIN, WHERE, GROUP BY and aggregates, SELECT, for queries and subqueries."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from local.cosmos.query.aggregates import Aggregate, new_aggregate
from local.cosmos.query.checks import root_name
from local.cosmos.query.compiler import Compiler, Rows, Scope
from local.cosmos.query.evaluators import Environment, Evaluator, object_of
from local.cosmos.query.syntax import (
    AGGREGATES,
    Call,
    Collection,
    Constant,
    Expression,
    Query,
    Selection,
    has_aggregate,
    walk,
)
from local.cosmos.query.values import UNDEFINED, Value, sort_key

Expansion = Callable[[Iterable[Environment]], Iterator[Environment]]


def is_grouped(query: Query) -> bool:
    """Are the rows made of groups of documents, rather than one by one?"""
    return bool(query.group_by) or any(has_aggregate(item.expression) for item in query.selection.items)


def expansion(query: Query, compiler: Compiler, scope: Scope) -> tuple[Expansion, Scope]:
    """FROM and JOIN: from environments of the outer scope to all combinations of the inputs, and their scope."""
    steps = []
    for source in query.sources:
        steps.append(_step(_elements(source, compiler, scope), compiler))
        scope = scope.plus(source.alias)

    def expanded(environments: Iterable[Environment]) -> Iterator[Environment]:
        for step in steps:
            environments = step(environments)
        return iter(environments)

    return expanded, scope


def _step(elements: Rows, compiler: Compiler) -> Expansion:
    spend = compiler.budget.spend

    def combinations(environments: Iterable[Environment]) -> Iterator[Environment]:
        for environment in environments:
            for element in elements(environment):
                spend()
                yield (*environment, element)

    return combinations


def _elements(source: Collection, compiler: Compiler, scope: Scope) -> Rows:
    """What one input of FROM gives for an environment."""
    if isinstance(source.origin, Query):
        rows = subquery_rows(source.origin, compiler, scope)
        return _each_element(rows) if source.iterates else rows
    value = compiler.evaluator(source.origin, scope)

    def one(environment: Environment) -> Iterator[Value]:
        found = value(environment)
        return iter(() if found is UNDEFINED else (found,))

    return _each_element(one) if source.iterates else one


def _each_element(rows: Rows) -> Rows:
    def elements(environment: Environment) -> Iterator[Value]:
        for row in rows(environment):
            if isinstance(row, list):
                yield from row

    return elements


def filtering(where: Expression | None, compiler: Compiler, scope: Scope) -> Evaluator | None:
    """WHERE; None when there is none."""
    return None if where is None else compiler.evaluator(where, scope)


def projection(selection: Selection, compiler: Compiler, scope: Scope, star: int) -> Evaluator:
    """SELECT: an environment's result row, or undefined when there is none; `*` is what stands at place `star`."""
    if selection.kind == "*":
        return lambda environment: environment[star]
    if selection.kind == "value":
        return compiler.evaluator(selection.items[0].expression, scope)
    return object_of([(item.name, compiler.evaluator(item.expression, scope)) for item in selection.items])


@dataclass(frozen=True, slots=True)
class Grouping:
    """GROUP BY and aggregates: what to compute for each combination, and the row made of each group's values."""

    keys: tuple[Evaluator, ...]
    aggregates: tuple[tuple[str, Evaluator], ...]
    row: Evaluator

    def groups(self, environments: Iterable[Environment]) -> dict[bytes, Environment]:
        """Each group's sort key and values: those of its keys, then those of its aggregates.

        Without GROUP BY there is one group, even of nothing.
        """
        found: dict[bytes, tuple[list[Value], list[Aggregate]]] = {}
        if not self.keys:
            found[b""] = ([], self._new())
        for environment in environments:
            values = [key(environment) for key in self.keys]
            group = found.get(name := b"".join(map(sort_key, values)))
            if group is None:
                group = found[name] = (values, self._new())
            for aggregate, (_, argument) in zip(group[1], self.aggregates, strict=True):
                aggregate.add(argument(environment))
        return {
            name: (*values, *(aggregate.result() for aggregate in aggregates))
            for name, (values, aggregates) in found.items()
        }

    def _new(self) -> list[Aggregate]:
        return [new_aggregate(name) for name, _ in self.aggregates]


def grouping(query: Query, compiler: Compiler, scope: Scope) -> Grouping:
    """The groups that a query makes."""
    calls: list[Call] = []
    for item in query.selection.items:
        for part in walk(item.expression):
            if isinstance(part, Call) and part.name in AGGREGATES and part not in calls:
                calls.append(part)
    places: dict[Expression, int] = {}
    for place, expression in enumerate((*query.group_by, *calls)):
        places.setdefault(expression, place)
    return Grouping(
        tuple(compiler.evaluator(key, scope) for key in query.group_by),
        tuple((call.name, compiler.evaluator(call.arguments[0], scope)) for call in calls),
        projection(query.selection, compiler, Scope(computed=places), 0),
    )


def subquery_rows(query: Query, compiler: Compiler, scope: Scope) -> Rows:
    """The result rows of a subquery for each environment of the query around it."""
    expanded, inner = expansion(query, compiler, scope)
    where = filtering(query.where, compiler, inner)
    groups = grouping(query, compiler, inner) if is_grouped(query) else None
    row = projection(query.selection, compiler, inner, scope.size) if groups is None else groups.row

    def rows(environment: Environment) -> Iterator[Value]:
        chosen: Iterator[Environment] = expanded((environment,))
        if where is not None:
            chosen = (combination for combination in chosen if where(combination) is True)
        if groups is not None:
            chosen = iter(groups.groups(chosen).values())
        found = (row(combination) for combination in chosen)
        defined = (value for value in found if value is not UNDEFINED)
        return distinct(defined) if query.distinct else defined

    return rows


def distinct(values: Iterable[Value]) -> Iterator[Value]:
    """The values without those that equal an earlier one."""
    seen: set[bytes] = set()
    for value in values:
        key = sort_key(value)
        if key not in seen:
            seen.add(key)
            yield value


def document_expansion(query: Query, compiler: Compiler) -> tuple[Expansion, Scope]:
    """FROM of an outermost query: from (document,) to all combinations; the first input's root is the document."""
    root = root_name(query)
    expanded, scope = expansion(query, compiler, Scope({root: 0} if root else {}, 1))
    aliases = {source.alias for source in query.sources}
    names = {name: place for name, place in scope.names.items() if name in aliases}
    return expanded, Scope(names, scope.size)


def counts_rows(expression: Expression) -> bool:
    """Is it COUNT of a constant: the number of rows?"""
    return (
        isinstance(expression, Call)
        and expression.name == "COUNT"
        and isinstance(argument := expression.arguments[0], Constant)
        and argument.value is not UNDEFINED
    )
