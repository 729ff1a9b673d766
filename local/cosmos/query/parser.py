"""Query texts to syntax trees: the clauses, and what the service checks before it looks at a document."""

from functools import lru_cache

from local.cosmos.query.checks import check
from local.cosmos.query.errors import query_error
from local.cosmos.query.expressions import ExpressionParser
from local.cosmos.query.syntax import (
    Collection,
    Constant,
    Expression,
    Order,
    Parameter,
    Path,
    Query,
    Reference,
    Selection,
    SelectItem,
)

MAX_COUNT = (1 << 31) - 1
_CACHED_LENGTH = 8 * 1024


def parse(text: str) -> Query:
    """The query that a text says. Raises QueryError, with the place, for anything else."""
    return _parse_cached(text) if len(text) <= _CACHED_LENGTH else _parse(text)


def _parse(text: str) -> Query:
    parser = QueryParser(text)
    query = parser.query()
    if parser.token.kind != "end":
        raise parser.error(parser.token)
    check(query)
    return query


_parse_cached = lru_cache(maxsize=256)(_parse)


class QueryParser(ExpressionParser):
    """Reads the clauses of a query, in the one order they may have."""

    def query(self) -> Query:
        at = self.expect("SELECT").start
        distinct = self.accept("DISTINCT") is not None
        top = self._count("SC2060", "The count value provided for a TOP clause must be an integer.", "TOP")
        selection = self._selection()
        sources = self._sources()
        where = self.expression() if self.accept("WHERE") else None
        group_by = self._group_by()
        order_by = self._order_by()
        offset = self._count("SC2062", "The OFFSET count value exceeds the maximum allowed value.", "OFFSET")
        limit = None
        if offset is not None:
            limit = self._count("SC2061", "The LIMIT count value exceeds the maximum allowed value.", "LIMIT")
            if limit is None:
                raise self.error(self.token)
        return Query(self.text, selection, distinct, top, sources, where, group_by, order_by, offset, limit, at)

    def _count(self, code: str, message: str, keyword: str) -> Constant | Parameter | None:
        if not self.accept(keyword):
            return None
        token = self.advance()
        if token.kind == "parameter":
            return Parameter(token.text, token.start)
        if token.kind != "number":
            raise self.error(token)
        if not isinstance(token.value, int) or token.value > MAX_COUNT:
            raise query_error(self.text, code, message, token.start, token.end)
        return Constant(token.value)

    def _selection(self) -> Selection:
        if self.accept("*"):
            return Selection("*")
        if self.accept("VALUE"):
            return Selection("value", (SelectItem("", self.expression()),))
        items: list[SelectItem] = []
        unnamed = 0
        while True:
            start = self.token
            expression = self.expression()
            name = self._alias() or _inferred_name(expression)
            if name is None:
                unnamed += 1
                name = f"${unnamed}"
            if any(item.name == name for item in items):
                message = f"Property name '{name}' is specified more than once in the select list."
                raise query_error(self.text, "SC2055", message, start.start, start.end)
            items.append(SelectItem(name, expression))
            if not self.accept(","):
                return Selection("list", tuple(items))

    def _alias(self) -> str | None:
        if self.accept("AS"):
            return self.expect_word()
        return self.advance().text if self.token.kind == "name" else None

    def _sources(self) -> tuple[Collection, ...]:
        if not self.accept("FROM"):
            return ()
        sources = [self._collection()]
        while self.accept("JOIN"):
            sources.append(self._collection())
        return tuple(sources)

    def _collection(self) -> Collection:
        start = self.token.start
        if self.token.text == "(":
            origin = self._origin()
            return Collection(self._alias(), origin, False, start)
        name = self.expect_name()
        if self.accept("IN"):
            return Collection(name.text, self._origin(), True, start)
        path = self._collection_path(Reference(name.text, name.start))
        return Collection(self._alias() or _inferred_name(path), path, False, start)

    def _origin(self) -> Reference | Path | Query:
        if self.accept("("):
            self.deeper(4)
            query = self.query()
            self.deeper(-4)
            self.expect(")")
            return query
        name = self.expect_name()
        return self._collection_path(Reference(name.text, name.start))

    def _collection_path(self, root: Reference) -> Reference | Path:
        steps: list[Expression] = []
        while True:
            if self.accept("."):
                steps.append(Constant(self.expect_word()))
            elif self.accept("["):
                token = self.advance()
                if token.kind not in ("number", "string"):
                    raise self.error(token)
                steps.append(Constant(token.value))
                self.expect("]")
            else:
                return Path(root, tuple(steps), root.at) if steps else root

    def _group_by(self) -> tuple[Expression, ...]:
        if not self.accept("GROUP"):
            return ()
        self.expect("BY")
        found = [self.expression()]
        while self.accept(","):
            found.append(self.expression())
        return tuple(found)

    def _order_by(self) -> tuple[Order, ...]:
        if not self.accept("ORDER"):
            return ()
        self.expect("BY")
        found = [self._order()]
        while self.accept(","):
            found.append(self._order())
        return tuple(found)

    def _order(self) -> Order:
        at = self.token.start
        expression = self.expression()
        descending = self.accept("ASC", "DESC")
        return Order(expression, descending is not None and descending.text == "DESC", at)


def _inferred_name(expression: Expression) -> str | None:
    if isinstance(expression, Reference):
        return expression.name
    if isinstance(expression, Path) and isinstance(last := expression.steps[-1], Constant):
        return last.value if isinstance(last.value, str) else None
    return None
