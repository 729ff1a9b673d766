"""Which twins a condition pins down by $dtId: a query over relationships has to start somewhere."""

from local.digital_twins.query.scopes import Member, Scope
from local.digital_twins.query.syntax import And, Comparison, Condition, Literal, Membership, Operand, Or, Path

Pins = dict[Member, frozenset[str]]


def pins(condition: Condition | None, scope: Scope) -> Pins:
    """For each collection that is pinned, the only ids its twins can have where the condition is true."""
    match condition:
        case And(conditions):
            found: Pins = {}
            for each in conditions:
                for member, ids in pins(each, scope).items():
                    found[member] = found[member] & ids if member in found else ids
            return found
        case Or(conditions):
            sides = [pins(each, scope) for each in conditions]
            in_all = set(sides[0]).intersection(*sides[1:])
            return {member: frozenset().union(*(side[member] for side in sides)) for member in in_all}
        case Comparison("=", left, right):
            return _pinned(left, [right], scope) or _pinned(right, [left], scope)
        case Membership(operand, items, negated=False):
            return _pinned(operand, list(items), scope)
    return {}


def _pinned(operand: Operand, values: list[Operand], scope: Scope) -> Pins:
    if not isinstance(operand, Path):
        return {}
    found = scope.resolve(operand)
    if found.member.kind != "twins" or found.parts != ("$dtId",):
        return {}
    if not all(isinstance(value, Literal) for value in values):
        return {}
    texts = [value.value for value in values if isinstance(value, Literal)]
    return {found.member: frozenset(text for text in texts if isinstance(text, str))}
