"""Reads what stands after MATCH: `(a)-[:contains|has*1..3]->(b)`.

Source: "Azure Digital Twins query language reference: MATCH clause".
"""

from local.digital_twins.query.reader import Reader
from local.digital_twins.query.syntax import Direction, Hops, Name, Pattern

MAX_HOPS = 10
"""Of a query, all its conditions together."""


def read_pattern(reader: Reader) -> Pattern:
    nodes = [_node(reader)]
    hops: list[Hops] = []
    while reader.at_symbol("-", "<"):
        start = reader.token
        hops.append(_hops(reader))
        if sum(each.most for each in hops) > MAX_HOPS:
            raise reader.error(f"MATCH has more than {MAX_HOPS} hops at '{start.text}'")
        nodes.append(_node(reader))
    return Pattern(tuple(nodes), tuple(hops))


def _node(reader: Reader) -> Name | None:
    reader.symbol("(")
    name = None if reader.at_symbol(")") else reader.name()
    reader.symbol(")")
    return name


def _hops(reader: Reader) -> Hops:
    """`-[…]->`, `<-[…]-` or `-[…]-`"""
    backward = reader.skip_symbol("<")
    reader.symbol("-")
    reader.symbol("[")
    variable = None if reader.at_symbol(":", "*", "]") else reader.name()
    names = _names(reader) if reader.skip_symbol(":") else ()
    fewest, most = _range(reader, variable) if reader.at_symbol("*") else (1, 1)
    reader.symbol("]")
    reader.symbol("-")
    if backward and reader.at_symbol(">"):
        raise reader.error("a relationship has one direction, or none, at '>'")
    forward = reader.skip_symbol(">")
    direction: Direction = "backward" if backward else "forward" if forward else "either"
    return Hops(direction, names, fewest, most, variable)


def _names(reader: Reader) -> tuple[str, ...]:
    names = [reader.name().text]
    while reader.skip_symbol("|"):
        names.append(reader.name().text)
    return tuple(names)


def _range(reader: Reader, variable: Name | None) -> tuple[int, int]:
    """`*3`: exactly; `*..3`: up to; `*1..3`: the reference does not count the starting limit in, so 2 or 3."""
    start = reader.symbol("*")
    if reader.skip_symbol(".."):
        fewest, most = 1, reader.integer()
    else:
        fewest = most = reader.integer()
        if reader.skip_symbol(".."):
            fewest, most = fewest + 1, reader.integer()
    if not 1 <= fewest <= most:
        raise reader.error(f"no number of hops lies in the range of '{start.text}'")
    if variable is not None and most > 1:
        raise reader.error(f"'{variable.text}' names a relationship: only a single hop has a name.")
    return fewest, most
