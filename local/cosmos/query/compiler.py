"""Expressions to functions: a tree is compiled once and then called for each row."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.cosmos.query.errors import QueryError, query_error
from local.cosmos.query.evaluators import (
    Environment,
    Evaluator,
    Locate,
    array_of,
    binary,
    chain,
    conditional,
    conjunction,
    constant_membership,
    disjunction,
    first_defined,
    membership,
    object_of,
    place,
    property_of,
    ternary,
    unary,
)
from local.cosmos.query.functions import FUNCTIONS
from local.cosmos.query.operators import BINARY, UNARY, between, step
from local.cosmos.query.patterns import like
from local.cosmos.query.syntax import (
    ArrayLiteral,
    Between,
    Call,
    Chain,
    Conditional,
    Constant,
    Expression,
    In,
    Like,
    Logical,
    ObjectLiteral,
    Parameter,
    Path,
    Query,
    Reference,
    Subquery,
    Unary,
)
from local.cosmos.query.values import UNDEFINED, Value, normal

Rows = Callable[[Environment], Iterator[Value]]
"""The results of a subquery for one environment of the query around it."""

MAX_COMBINATIONS = 1_000_000
"""How many combinations of array elements one document may be joined to."""
MAX_SECONDS = 60
"""Processor time that a page may take: enough to read some millions of documents."""
_STEPS_BETWEEN_CHECKS = 1000


@dataclass(frozen=True, slots=True)
class Scope:
    """Which alias is which place of the environment; `computed`: expressions whose values stand in it already."""

    names: Mapping[str, int] = field(default_factory=dict)
    size: int = 0
    computed: Mapping[Expression, int] = field(default_factory=dict)

    def plus(self, name: str | None) -> "Scope":
        """The scope after one more value was added to the environment."""
        names = {**self.names, name: self.size} if name is not None else self.names
        return Scope(names, self.size + 1, self.computed)


class Budget:
    """What a query may still use up: combinations for the document at hand, and processor time for the page."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._deadline = time.thread_time() + MAX_SECONDS
        self._until_check = _STEPS_BETWEEN_CHECKS
        self._left = MAX_COMBINATIONS

    def next_document(self) -> None:
        self._left = MAX_COMBINATIONS
        self._step()

    def spend(self) -> None:
        """One more combination. Raises QueryError when there are too many, or no time is left."""
        self._left -= 1
        if self._left < 0:
            message = f"The query joins one document to more than {MAX_COMBINATIONS} combinations."
            raise query_error(self._text, "SC3001", message, 0)
        self._step()

    def _step(self) -> None:
        self._until_check -= 1
        if self._until_check > 0:
            return
        self._until_check = _STEPS_BETWEEN_CHECKS
        if time.thread_time() > self._deadline:
            message = f"The query took more than {MAX_SECONDS} seconds of processor time for one page."
            raise query_error(self._text, "SC3009", message, 0)


class Compiler:
    """Compiles the expressions of one query with its parameters. Raises QueryError for a parameter that isn't given."""

    def __init__(
        self,
        text: str,
        parameters: Mapping[str, Any],
        rows_of: Callable[[Query, "Compiler", Scope], Rows],
    ) -> None:
        self.text = text
        self.budget = Budget(text)
        self._parameters = parameters
        self._rows_of = rows_of
        self._values: dict[str, Value] = {}

    def parameter(self, node: Parameter) -> Value:
        """The value given for a parameter."""
        if node.name in self._values:
            return self._values[node.name]
        if node.name not in self._parameters:
            message = f"The parameter '{node.name}' is used in the query but no value is given for it."
            raise query_error(self.text, "SC2003", message, node.at, node.at + len(node.name))
        try:
            value = normal(self._parameters[node.name])
        except ValueError as error:
            message = f"The value of the parameter '{node.name}' is invalid: {error}."
            raise query_error(self.text, "SC2003", message, node.at, node.at + len(node.name)) from error
        self._values[node.name] = value
        return value

    def evaluator(self, node: Expression, scope: Scope) -> Evaluator:
        """The function that gives the expression's value in an environment of that scope."""
        if scope.computed and node in scope.computed:
            return place(scope.computed[node])
        match node:
            case Constant(value):
                return lambda environment: value
            case Parameter():
                given = self.parameter(node)
                return lambda environment: given
            case Reference(name):
                return place(scope.names[name])
            case Path(base, steps):
                return self._path(base, steps, scope)
            case Call():
                return self._call(node, scope)
            case Subquery(kind, query):
                return self._subquery(kind, query, node.at, scope)
            case ArrayLiteral(items):
                return array_of([self.evaluator(item, scope) for item in items])
            case ObjectLiteral(members):
                return object_of([(name, self.evaluator(value, scope)) for name, value in members])
            case _:
                return self._operation(node, scope)

    def _operation(self, node: Expression, scope: Scope) -> Evaluator:
        match node:
            case Unary(operator, operand):
                return unary(UNARY[operator], self.evaluator(operand, scope))
            case Chain(first, rest, at):
                operands = [(BINARY[operator], self.evaluator(operand, scope)) for operator, operand in rest]
                return chain(self.evaluator(first, scope), operands, self._locating(at))
            case Logical(operator, operands):
                compiled = [self.evaluator(operand, scope) for operand in operands]
                return {"AND": conjunction, "OR": disjunction, "??": first_defined}[operator](compiled)
            case In(value, choices) if all(isinstance(choice, Constant | Parameter) for choice in choices):
                given = [self.evaluator(choice, scope)(()) for choice in choices]
                return constant_membership(self.evaluator(value, scope), given)
            case In(value, choices):
                return membership(self.evaluator(value, scope), [self.evaluator(choice, scope) for choice in choices])
            case Between(value, low, high):
                return ternary(between, *(self.evaluator(part, scope) for part in (value, low, high)))
            case Like(value, pattern, escape, at):
                matches = like(escape)
                text, wanted = self.evaluator(value, scope), self.evaluator(pattern, scope)
                return binary(matches, text, wanted, self._locating(at))
            case Conditional(condition, consequent, alternative):
                parts = (self.evaluator(part, scope) for part in (condition, consequent, alternative))
                return conditional(*parts)
        raise TypeError(f"{type(node).__name__} is no expression")

    def _path(self, base: Expression, steps: tuple[Expression, ...], scope: Scope) -> Evaluator:
        keys = [part.value for part in steps if isinstance(part, Constant)]
        is_plain = len(keys) == len(steps) and all(isinstance(key, str) for key in keys)
        if is_plain and isinstance(base, Reference) and base.name in scope.names:
            return property_of(scope.names[base.name], keys)
        evaluators = [self.evaluator(part, scope) for part in steps]
        start = self.evaluator(base, scope)

        def reached(environment: Environment) -> Value:
            value = start(environment)
            for key in evaluators:
                value = step(value, key(environment))
            return value

        return reached

    def _call(self, node: Call, scope: Scope) -> Evaluator:
        function = FUNCTIONS[node.name]
        call = function.call
        if function.is_constant:
            constant = call()
            return lambda environment: constant
        arguments = [self.evaluator(argument, scope) for argument in node.arguments]
        if len(arguments) == 1 and not function.is_strict:
            only = arguments[0]
            return lambda environment: call(only(environment))
        located = self._locating(node.at)

        def called(environment: Environment) -> Value:
            values = [argument(environment) for argument in arguments]
            if function.is_strict and UNDEFINED in values:
                return UNDEFINED
            try:
                return call(*values)
            except QueryError as error:
                raise located(error) from error

        return called

    def _locating(self, at: int) -> Locate:
        """Gives an error that only turned up with the values its place in the text."""
        return lambda error: query_error(self.text, error.code, error.message, at)

    def _subquery(self, kind: str, query: Query, at: int, scope: Scope) -> Evaluator:
        rows = self._rows_of(query, self, scope)
        if kind == "exists":
            return lambda environment: next(rows(environment), UNDEFINED) is not UNDEFINED
        if kind == "array":
            return lambda environment: list(rows(environment))

        def only_row(environment: Environment) -> Value:
            found = rows(environment)
            value = next(found, UNDEFINED)
            if next(found, UNDEFINED) is not UNDEFINED:
                message = "The cardinality of a scalar subquery result set can not exceed 1."
                raise query_error(self.text, "SC3002", message, at)
            return value

        return only_row
