"""A query's text as a tree. Source: the query language reference (SELECT, FROM, JOIN, MATCH, WHERE)."""

from local.digital_twins.query.conditions import read_condition, read_path
from local.digital_twins.query.errors import query_error
from local.digital_twins.query.patterns import read_pattern
from local.digital_twins.query.reader import Reader
from local.digital_twins.query.syntax import Collection, Join, Name, Pattern, Projection, Query

MAX_JOINS = 5


def parse(text: str) -> Query:
    """Raises ServiceError (400) with the place of what can't be read."""
    reader = Reader(text)
    reader.word("SELECT")
    top = _top(reader)
    counts = top is None and _count(reader)
    selected = reader.token
    projections = None if counts else _projections(reader, can_be_empty=top is not None)
    reader.word("FROM")
    collection = _collection(reader)
    alias = reader.name() if reader.is_at_name else None
    joins = _joins(reader, collection)
    pattern = _pattern(reader, collection, alias, joins)
    if projections is None and not counts and (joins or pattern):
        raise query_error(text, selected.start, "SELECT * is not valid with JOIN or MATCH: name the collections.")
    where = read_condition(reader) if reader.skip_word("WHERE") else None
    reader.end()
    return Query(text, top, counts, projections, collection, alias, joins, pattern, where)


def _top(reader: Reader) -> int | None:
    if not reader.skip_word("TOP"):
        return None
    reader.symbol("(")
    top = reader.integer()
    reader.symbol(")")
    return top


def _count(reader: Reader) -> bool:
    if not reader.skip_word("COUNT"):
        return False
    reader.symbol("(")
    reader.symbol(")")
    return True


def _projections(reader: Reader, *, can_be_empty: bool) -> tuple[Projection, ...] | None:
    if reader.skip_symbol("*") or (can_be_empty and reader.at_word("FROM")):
        return None
    projections = [_projection(reader)]
    while reader.skip_symbol(","):
        start = reader.token
        projection = _projection(reader)
        if any(projection.name == other.name for other in projections):
            raise reader.error(f"two columns are named '{projection.name}': name '{start.text}' otherwise, with AS")
        projections.append(projection)
    return tuple(projections)


def _projection(reader: Reader) -> Projection:
    path = read_path(reader)
    name = reader.name().text if reader.skip_word("AS") else path.parts[-1]
    return Projection(path, name)


def _collection(reader: Reader) -> Collection:
    if reader.skip_word("DIGITALTWINS"):
        return "twins"
    if reader.skip_word("RELATIONSHIPS"):
        return "relationships"
    raise reader.missing("DIGITALTWINS or RELATIONSHIPS")


def _joins(reader: Reader, collection: Collection) -> tuple[Join, ...]:
    joins: list[Join] = []
    while reader.at_word("JOIN"):
        if collection == "relationships":
            raise reader.error("FROM RELATIONSHIPS can't be combined with JOIN")
        if len(joins) == MAX_JOINS:
            raise reader.error(f"the query has more than {MAX_JOINS} JOINs")
        joins.append(_join(reader))
    return tuple(joins)


def _join(reader: Reader) -> Join:
    reader.word("JOIN")
    target = reader.name()
    reader.word("RELATED")
    source = reader.name()
    reader.symbol(".")
    relationship = reader.name()
    alias: Name | None = reader.name() if reader.is_at_name else None
    return Join(target, source, relationship.text, alias)


def _pattern(reader: Reader, collection: Collection, alias: Name | None, joins: tuple[Join, ...]) -> Pattern | None:
    if not reader.at_word("MATCH"):
        return None
    if collection == "relationships" or alias is not None or joins:
        raise reader.error("MATCH stands alone after FROM DIGITALTWINS")
    reader.advance()
    pattern = read_pattern(reader)
    if reader.at_word("MATCH", "JOIN"):
        raise reader.error("a query has one MATCH, and no JOIN with it,")
    return pattern
