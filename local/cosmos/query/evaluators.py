"""What expressions compile to: functions from a row's environment to a value.

An environment is a tuple of values, one for each alias in scope.
"""

from collections.abc import Callable

from local.cosmos.query.errors import QueryError
from local.cosmos.query.values import UNDEFINED, Value, equal, sort_key

Environment = tuple[Value, ...]
Evaluator = Callable[[Environment], Value]
Locate = Callable[[QueryError], QueryError]
"""Gives an error that only turned up with the values its place in the text."""


def place(index: int) -> Evaluator:
    """What stands at one place of the environment."""
    return lambda environment: environment[index]


def property_of(index: int, names: list[str]) -> Evaluator:
    """A path of property names from one place of the environment."""
    if len(names) == 1:
        (name,) = names

        def member(environment: Environment) -> Value:
            value = environment[index]
            return value.get(name, UNDEFINED) if type(value) is dict else UNDEFINED

        return member

    def nested(environment: Environment) -> Value:
        value = environment[index]
        for name in names:
            if type(value) is not dict:
                return UNDEFINED
            value = value.get(name, UNDEFINED)
        return value

    return nested


def array_of(items: list[Evaluator]) -> Evaluator:
    """An array of the values that are defined."""

    def built(environment: Environment) -> Value:
        values = (item(environment) for item in items)
        return [value for value in values if value is not UNDEFINED]

    return built


def object_of(members: list[tuple[str, Evaluator]]) -> Evaluator:
    """An object of the members that are defined."""

    def built(environment: Environment) -> Value:
        values = ((name, member(environment)) for name, member in members)
        return {name: value for name, value in values if value is not UNDEFINED}

    return built


def unary(operation: Callable[[Value], Value], operand: Evaluator) -> Evaluator:
    """An operator on one value."""
    return lambda environment: operation(operand(environment))


def binary(operation: Callable[[Value, Value], Value], left: Evaluator, right: Evaluator, located: Locate) -> Evaluator:
    """An operator on two values."""

    def operated(environment: Environment) -> Value:
        first, second = left(environment), right(environment)
        try:
            return operation(first, second)
        except QueryError as error:
            raise located(error) from error

    return operated


def ternary(operation: Callable[..., Value], first: Evaluator, second: Evaluator, third: Evaluator) -> Evaluator:
    """An operator on three values."""
    return lambda environment: operation(first(environment), second(environment), third(environment))


def chain(
    first: Evaluator, rest: list[tuple[Callable[[Value, Value], Value], Evaluator]], located: Locate
) -> Evaluator:
    """Operators of one precedence, from left to right."""
    if len(rest) == 1:
        return binary(rest[0][0], first, rest[0][1], located)

    def folded(environment: Environment) -> Value:
        value = first(environment)
        for operation, operand in rest:
            following = operand(environment)
            try:
                value = operation(value, following)
            except QueryError as error:
                raise located(error) from error
        return value

    return folded


def conjunction(operands: list[Evaluator]) -> Evaluator:
    """AND: false as soon as one operand is, undefined when one is no boolean."""
    return _decided(operands, False, True)


def disjunction(operands: list[Evaluator]) -> Evaluator:
    """OR: true as soon as one operand is, undefined when one is no boolean."""
    return _decided(operands, True, False)


def _decided(operands: list[Evaluator], decisive: object, neutral: object) -> Evaluator:
    def decided(environment: Environment) -> Value:
        result: Value = neutral
        for operand in operands:
            value = operand(environment)
            if value is decisive:
                return value
            if value is not neutral:
                result = UNDEFINED
        return result

    return decided


def first_defined(operands: list[Evaluator]) -> Evaluator:
    """The first operand that is not undefined."""

    def coalesced(environment: Environment) -> Value:
        for operand in operands:
            value = operand(environment)
            if value is not UNDEFINED:
                return value
        return UNDEFINED

    return coalesced


def membership(value: Evaluator, choices: list[Evaluator]) -> Evaluator:
    """IN: does the value equal one of the choices?"""

    def is_among(environment: Environment) -> Value:
        sought = value(environment)
        if sought is UNDEFINED:
            return UNDEFINED
        return any(equal(sought, choice(environment)) is True for choice in choices)

    return is_among


def constant_membership(value: Evaluator, choices: list[Value]) -> Evaluator:
    """IN with a list that is the same for every row, however long."""
    keys = frozenset(sort_key(choice) for choice in choices if choice is not UNDEFINED)

    def is_among(environment: Environment) -> Value:
        sought = value(environment)
        return UNDEFINED if sought is UNDEFINED else sort_key(sought) in keys

    return is_among


def conditional(condition: Evaluator, consequent: Evaluator, alternative: Evaluator) -> Evaluator:
    """The second operand when the first is true, else the third."""
    return lambda environment: (consequent if condition(environment) is True else alternative)(environment)
