"""What the service refuses in a well-formed query: unknown names, misplaced aggregates and clauses."""

from local.cosmos.query.errors import QueryError, query_error
from local.cosmos.query.syntax import (
    AGGREGATES,
    Call,
    Collection,
    Constant,
    Expression,
    Path,
    Query,
    Reference,
    Subquery,
    children,
    has_aggregate,
    walk,
)

UNMAPPED_ORDER = "Unsupported ORDER BY clause. ORDER BY item expression could not be mapped to a document path."


def check(query: Query) -> None:
    """Raises QueryError for the first thing wrong with the query or one of its subqueries."""
    _check(query, None)


def root_name(query: Query) -> str | None:
    """The name that stands for the container in the FROM clause of an outermost query."""
    if not query.sources:
        return None
    origin = query.sources[0].origin
    if isinstance(origin, Query):
        return root_name(origin)
    return origin.name if isinstance(origin, Reference) else _base_name(origin)


def _check(query: Query, outer: frozenset[str] | None) -> None:
    names = _check_sources(query, outer)
    if outer is not None:
        _check_subquery(query)
    _check_selection(query)
    for expression in _expressions(query):
        _check_expression(query, expression, names)
    _check_aggregates(query)
    _check_group_by(query)
    _check_order_by(query)


def _expressions(query: Query) -> list[Expression]:
    found = [item.expression for item in query.selection.items]
    found += [query.where] if query.where is not None else []
    return [*found, *query.group_by, *(order.expression for order in query.order_by)]


def _check_sources(query: Query, outer: frozenset[str] | None) -> frozenset[str]:
    """The names that the query's expressions may use."""
    names = outer or frozenset()
    for index, source in enumerate(query.sources):
        is_container = outer is None and index == 0
        _check_origin(query, source, None if is_container else names)
        if source.alias is None:
            continue
        if source.alias in names - (outer or frozenset()):
            message = f"The input alias '{source.alias}' is specified more than once in the FROM clause."
            raise query_error(query.text, "SC2011", message, source.at)
        names |= {source.alias}
    return names


def _check_origin(query: Query, source: Collection, names: frozenset[str] | None) -> None:
    if isinstance(source.origin, Query):
        root = root_name(source.origin)
        _check(source.origin, names if names is not None else frozenset((root,) if root else ()))
    elif names is not None:
        _check_expression(query, source.origin, names)


def _check_expression(query: Query, expression: Expression, names: frozenset[str]) -> None:
    for part in walk(expression):
        if isinstance(part, Reference) and part.name not in names:
            message = f"Identifier '{part.name}' could not be resolved."
            raise query_error(query.text, "SC2001", message, part.at, part.at + len(part.name))
        if isinstance(part, Subquery):
            _check(part.query, names)


def _check_subquery(query: Query) -> None:
    for code, clause, found in (
        ("SC2202", "'ORDER BY'", query.order_by),
        ("SC2203", "'TOP'", query.top),
        ("SC2204", "'OFFSET LIMIT' clause", query.offset),
    ):
        if found:
            raise query_error(query.text, code, f"{clause} is not supported in subqueries.", query.at)


def _check_selection(query: Query) -> None:
    if query.selection.kind != "*":
        return
    if query.group_by:
        raise query_error(query.text, "SC2041", "'SELECT *' is not allowed with GROUP BY.", query.at)
    if not query.sources:
        raise query_error(query.text, "SC2040", "'SELECT *' is not valid if FROM clause is omitted.", query.at)
    if len(query.sources) > 1:
        raise query_error(query.text, "SC2042", "'SELECT *' is only valid with a single input set.", query.at)


def _check_aggregates(query: Query) -> None:
    for place, expressions in (("WHERE", [query.where] if query.where else []), ("GROUP BY", query.group_by)):
        for part in (part for expression in expressions for part in walk(expression)):
            if isinstance(part, Call) and part.name in AGGREGATES:
                message = f"Aggregate functions are not allowed in the {place} clause."
                raise query_error(query.text, "SC2100", message, part.at, part.end)
    for item in query.selection.items:
        for part in walk(item.expression):
            if isinstance(part, Call) and part.name in AGGREGATES:
                _check_aggregate(query, part)


def _check_aggregate(query: Query, call: Call) -> None:
    for part in walk(call.arguments[0]):
        if isinstance(part, Subquery) or (isinstance(part, Call) and part.name in AGGREGATES):
            message = "Cannot perform an aggregate function on an expression containing an aggregate or a subquery."
            raise query_error(query.text, "SC2101", message, call.at, call.end)


def _check_group_by(query: Query) -> None:
    aggregated = any(has_aggregate(item.expression) for item in query.selection.items)
    if not query.group_by and not aggregated:
        return
    if query.order_by:
        message = "'ORDER BY' is not supported together with GROUP BY or aggregate functions."
        raise query_error(query.text, "SC2103", message, query.order_by[0].at)
    for item in query.selection.items:
        _check_grouped(query, item.expression)


def _check_grouped(query: Query, expression: Expression) -> None:
    """Every part of a grouped selection is a group key, inside an aggregate, or a constant."""
    waiting = [expression]
    while waiting:
        part = waiting.pop()
        if part in query.group_by or (isinstance(part, Call) and part.name in AGGREGATES):
            continue
        if isinstance(part, Reference | Path | Subquery):
            raise _ungrouped(query, part)
        waiting.extend(children(part))


def _ungrouped(query: Query, part: Reference | Path | Subquery) -> QueryError:
    end = part.at + 1
    while end < len(query.text) and (query.text[end].isalnum() or query.text[end] in "_.["):
        end += 1
    message = (
        f"Property reference '{query.text[part.at : end]}' is invalid in the select list because it is not contained"
        " in either an aggregate function or the GROUP BY clause."
    )
    return query_error(query.text, "SC2102", message, part.at, end)


def _check_order_by(query: Query) -> None:
    for order in query.order_by:
        path = order.expression
        is_path = isinstance(path, Path) and all(
            isinstance(step, Constant) and isinstance(step.value, str | int) for step in path.steps
        )
        if not is_path or not isinstance(path, Path) or not isinstance(path.base, Reference):
            raise query_error(query.text, "SC2104", UNMAPPED_ORDER, order.at)


def _base_name(path: Path) -> str | None:
    return path.base.name if isinstance(path.base, Reference) else None
