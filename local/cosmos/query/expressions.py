"""Scalar expressions: precedence climbing over the tokens.

Loosest first: `?:`, `??`, OR, AND, NOT, comparisons with IN, BETWEEN and LIKE, `|`, `^`, `&`, shifts, `+ - ||`,
`* / %`, unary operators, and then paths.
"""

import math
from abc import abstractmethod

from local.cosmos.query.errors import QueryError, query_error
from local.cosmos.query.functions import FUNCTIONS
from local.cosmos.query.lexer import Token, syntax_error, tokens
from local.cosmos.query.syntax import (
    AGGREGATES,
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
from local.cosmos.query.values import UNDEFINED

MAX_NESTING = 150
"""How deeply expressions may be nested: below what the interpreter's own stack takes."""

_CONDITIONAL, _COALESCE, _OR, _AND, _NOT, _COMPARISON = range(1, 7)
_UNARY = 13
_LEVELS = {"?": _CONDITIONAL, "??": _COALESCE, "OR": _OR, "AND": _AND}
_LEVELS |= dict.fromkeys(("=", "!=", "<>", "<", "<=", ">", ">=", "IN", "BETWEEN", "LIKE"), _COMPARISON)
_LEVELS |= {
    "|": 7,
    "^": 8,
    "&": 9,
    "<<": 10,
    ">>": 10,
    ">>>": 10,
    "+": 11,
    "-": 11,
    "||": 11,
    "*": 12,
    "/": 12,
    "%": 12,
}
_CONSTANTS = {"NULL": None, "TRUE": True, "FALSE": False, "UNDEFINED": UNDEFINED}
_NO_NUMBERS = {"NaN": math.nan, "Infinity": math.inf}
_TAKES_NO_NUMBERS = frozenset({"TOSTRING", "STRINGTONUMBER", "IS_NUMBER", "IS_FINITE_NUMBER", "IS_INTEGER"})


class ExpressionParser:
    """A cursor over a query's tokens that reads expressions. Every method raises QueryError with the place."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = tokens(text)
        self._next = 0
        self._nesting = 0

    @abstractmethod
    def query(self) -> Query:
        """Reads a whole query, from SELECT on."""

    @property
    def token(self) -> Token:
        return self._tokens[self._next]

    def error(self, token: Token) -> QueryError:
        return syntax_error(self.text, token.start, token.end)

    def advance(self) -> Token:
        token = self._tokens[self._next]
        self._next += token.kind != "end"
        return token

    def accept(self, *texts: str) -> Token | None:
        """The next token, taken, when it is one of these keywords or symbols."""
        token = self.token
        return self.advance() if token.kind in ("keyword", "symbol") and token.text in texts else None

    def expect(self, text: str) -> Token:
        token = self.accept(text)
        if token is None:
            raise self.error(self.token)
        return token

    def expect_name(self) -> Token:
        if self.token.kind != "name":
            raise self.error(self.token)
        return self.advance()

    def expect_word(self) -> str:
        """A name where no keyword could stand: after a dot or AS. The service wants `c["order"]`; both are taken."""
        if self.token.kind not in ("name", "keyword"):
            raise self.error(self.token)
        return str(self.advance().value)

    def deeper(self, levels: int) -> None:
        """Goes that many levels down, or up when negative."""
        self._nesting += levels
        if self._nesting > MAX_NESTING:
            start = self.token.start
            raise query_error(self.text, "SC1001", "The query is nested too deeply.", start, self.token.end)

    def expression(self, floor: int = _CONDITIONAL) -> Expression:
        """An expression of operators at least as tight as `floor`."""
        self.deeper(1)
        left = self._prefix()
        while (level := self._operator_level()) >= floor:
            left = self._infix(left, level)
        self.deeper(-1)
        return left

    def expressions(self, closing: str) -> tuple[Expression, ...]:
        """A list with commas, maybe empty, up to and including the closing symbol."""
        found: list[Expression] = []
        if self.accept(closing):
            return ()
        while True:
            found.append(self.expression())
            if self.accept(closing):
                return tuple(found)
            self.expect(",")

    def _operator_level(self) -> int:
        token = self.token
        if token.kind not in ("keyword", "symbol"):
            return 0
        if token.text == "NOT":
            following = self._tokens[self._next + 1].text
            return _COMPARISON if following in ("IN", "BETWEEN", "LIKE") else 0
        return _LEVELS.get(token.text, 0)

    def _infix(self, left: Expression, level: int) -> Expression:
        if level == _CONDITIONAL:
            return self._conditional(left)
        if level <= _AND:
            return self._logical(left, level)
        if self.token.text in ("NOT", "IN", "BETWEEN", "LIKE"):
            return self._test(left)
        rest = []
        at = self.token.start
        while self._operator_level() == level and self.token.kind == "symbol":
            operator = self.advance().text
            rest.append(("!=" if operator == "<>" else operator, self.expression(level + 1)))
        return Chain(left, tuple(rest), at)

    def _conditional(self, condition: Expression) -> Expression:
        self.expect("?")
        consequent = self.expression()
        self.expect(":")
        return Conditional(condition, consequent, self.expression(_CONDITIONAL))

    def _logical(self, left: Expression, level: int) -> Expression:
        operands = [left]
        while self._operator_level() == level:
            self.advance()
            operands.append(self.expression(level + 1))
        name = {_COALESCE: "??", _OR: "OR", _AND: "AND"}[level]
        return Logical(name, tuple(operands))  # type: ignore[arg-type]  # one of the three, by the line above

    def _test(self, left: Expression) -> Expression:
        negated = self.accept("NOT")
        match self.advance().text:
            case "IN":
                test = self._in(left)
            case "BETWEEN":
                low = self.expression(_COMPARISON + 1)
                self.expect("AND")
                test = Between(left, low, self.expression(_COMPARISON + 1))
            case _:
                test = self._like(left)
        return Unary("NOT", test) if negated else test

    def _in(self, left: Expression) -> Expression:
        opening = self.expect("(")
        choices = self.expressions(")")
        if not choices:
            raise self.error(self._tokens[self._next - 1] if self._next else opening)
        return In(left, choices)

    def _like(self, left: Expression) -> Expression:
        at = self.token.start
        pattern = self.expression(_COMPARISON + 1)
        if not self.accept("ESCAPE"):
            return Like(left, pattern, None, at)
        escape = self.advance()
        if escape.kind != "string":
            raise self.error(escape)
        if len(escape.value) != 1:
            message = "The ESCAPE of a LIKE must be a single character."
            raise query_error(self.text, "SC1001", message, escape.start, escape.end)
        return Like(left, pattern, escape.value, at)

    def _prefix(self) -> Expression:
        token = self.advance()
        match token.kind, token.text:
            case "number" | "string", _:
                return self._steps(Constant(token.value), token)
            case "parameter", name:
                return self._steps(Parameter(name, token.start), token)
            case "name", _:
                return self._steps(self._named(token), token)
            case "keyword", "NULL" | "TRUE" | "FALSE" | "UNDEFINED":
                return self._steps(Constant(_CONSTANTS[token.text]), token)
            case "keyword", "NOT":
                return Unary("NOT", self.expression(_NOT))
            case "keyword", "EXISTS" | "ARRAY":
                return self._steps(self._subquery("exists" if token.text == "EXISTS" else "array", token), token)
            case "symbol", "-" | "+" | "~":
                return Unary(token.text, self.expression(_UNARY))
            case "symbol", "[":
                return self._steps(ArrayLiteral(self.expressions("]")), token)
            case "symbol", "{":
                return self._steps(self._object(), token)
            case "symbol", "(":
                return self._steps(self._parenthesis(token), token)
        raise self.error(token)

    def _parenthesis(self, opening: Token) -> Expression:
        if self.token.text == "SELECT" and self.token.kind == "keyword":
            self._next -= 1
            return self._subquery("scalar", opening)
        inside = self.expression()
        self.expect(")")
        return inside

    def _subquery(self, kind: str, opening: Token) -> Expression:
        self.expect("(")
        self.deeper(4)
        query = self.query()
        self.deeper(-4)
        self.expect(")")
        return Subquery(kind, query, opening.start)  # type: ignore[arg-type]  # the callers name the three kinds

    def _object(self) -> Expression:
        members: list[tuple[str, Expression]] = []
        if self.accept("}"):
            return ObjectLiteral(())
        while True:
            name = self.advance()
            if name.kind not in ("string", "name"):
                raise self.error(name)
            self.expect(":")
            members.append((name.value if name.kind == "string" else name.text, self.expression()))
            if self.accept("}"):
                return ObjectLiteral(tuple(members))
            self.expect(",")

    def _named(self, token: Token) -> Expression:
        if token.text.lower() == "udf" and self.token.text == ".":
            message = "User-defined functions are not supported by this server."
            raise query_error(self.text, "SC2005", message, token.start, token.end)
        if not self.accept("("):
            return Reference(token.text, token.start)
        return self._call(token)

    def _call(self, token: Token) -> Expression:
        name = token.text.upper()
        if name not in FUNCTIONS and name not in AGGREGATES:
            message = f"'{token.text}' is not a recognized built-in function name."
            raise query_error(self.text, "SC2005", message, token.start, token.end)
        arguments = self.expressions(")")
        if name in _TAKES_NO_NUMBERS:
            arguments = tuple(map(_not_a_number, arguments))
        low, high = FUNCTIONS[name].arity if name in FUNCTIONS else (1, 1)
        if not low <= len(arguments) <= high:
            message = f"The {name} function requires {_count(low, high)} argument(s)."
            raise query_error(self.text, "SC2050", message, token.start, token.end)
        return Call(name, arguments, token.start, self._tokens[self._next - 1].end)

    def _steps(self, base: Expression, token: Token) -> Expression:
        steps: list[Expression] = []
        while True:
            if self.accept("."):
                steps.append(Constant(self.expect_word()))
            elif self.accept("["):
                steps.append(self.expression())
                self.expect("]")
            elif not steps:
                return base
            else:
                return Path(base, tuple(steps), token.start)


def _not_a_number(argument: Expression) -> Expression:
    """NaN and Infinity are constants for the functions that test and print numbers."""
    if isinstance(argument, Reference) and argument.name in _NO_NUMBERS:
        return Constant(_NO_NUMBERS[argument.name])
    return argument


def _count(low: int, high: int) -> str:
    if low == high:
        return str(low)
    return f"at least {low}" if high > 100 else f"{low} to {high}"
