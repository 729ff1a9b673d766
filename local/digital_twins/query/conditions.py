"""Reads what stands after WHERE."""

from typing import cast, get_args

from local.digital_twins.query.reader import Reader
from local.digital_twins.query.syntax import (
    And,
    ArrayContains,
    Comparison,
    Condition,
    Literal,
    Membership,
    Name,
    Not,
    OfModel,
    Operand,
    Operator,
    Or,
    Path,
    TextCheck,
    TypeCheck,
)

MAX_LOGICAL = 50
MAX_ITEMS = 50
"""AND/OR operators of a query, and items of an IN (Digital Twins service limits)."""
MAX_DEPTH = 100
"""Parentheses and NOTs inside each other."""

TYPE_CHECKS = frozenset({"IS_DEFINED", "IS_NULL", "IS_BOOL", "IS_NUMBER", "IS_STRING", "IS_PRIMITIVE", "IS_OBJECT"})
TEXT_CHECKS = {
    "STARTSWITH": "STARTSWITH",
    "STARTS_WITH": "STARTSWITH",
    "ENDSWITH": "ENDSWITH",
    "ENDS_WITH": "ENDSWITH",
    "CONTAINS": "CONTAINS",
}
_OPERATORS: tuple[Operator, ...] = get_args(Operator)
_CONSTANTS = {"TRUE": True, "FALSE": False, "NULL": None}


def read_path(reader: Reader) -> Path:
    first = reader.name()
    parts = [first.text]
    while reader.skip_symbol("."):
        parts.append(reader.name().text)
    return Path(tuple(parts), first.start)


def read_condition(reader: Reader) -> Condition:
    return _Conditions(reader).disjunction()


class _Conditions:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._logical = 0
        self._depth = 0

    def disjunction(self) -> Condition:
        conditions = [self._conjunction()]
        while self._logical_operator("OR"):
            conditions.append(self._conjunction())
        return conditions[0] if len(conditions) == 1 else Or(tuple(conditions))

    def _conjunction(self) -> Condition:
        conditions = [self._negation()]
        while self._logical_operator("AND"):
            conditions.append(self._negation())
        return conditions[0] if len(conditions) == 1 else And(tuple(conditions))

    def _logical_operator(self, word: str) -> bool:
        if not self._reader.at_word(word):
            return False
        self._logical += 1
        if self._logical > MAX_LOGICAL:
            raise self._reader.error(f"the query has more than {MAX_LOGICAL} AND and OR operators.")
        self._reader.advance()
        return True

    def _negation(self) -> Condition:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._reader.error(f"conditions are nested deeper than {MAX_DEPTH}.")
        negated = self._reader.skip_word("NOT")
        condition = Not(self._negation()) if negated else self._primary()
        self._depth -= 1
        return condition

    def _primary(self) -> Condition:
        reader = self._reader
        if reader.skip_symbol("("):
            condition = self.disjunction()
            reader.symbol(")")
            return condition
        if reader.token.kind == "name" and reader.following.text == "(":
            return self._compared_with_truth(self._call())
        left = self._operand()
        if reader.at_symbol(*_OPERATORS):
            operator = cast(Operator, reader.advance().text)
            return Comparison(operator, left, self._operand())
        return self._membership(left)

    def _compared_with_truth(self, call: Condition) -> Condition:
        """A function's answer may be compared with true or false."""
        reader = self._reader
        if not reader.at_symbol("=", "!="):
            return call
        wants = reader.advance().text == "="
        if not reader.at_word("TRUE", "FALSE"):
            raise reader.missing("true or false")
        return call if (reader.advance().word == "TRUE") == wants else Not(call)

    def _membership(self, operand: Operand) -> Membership:
        reader = self._reader
        if not reader.at_word("IN", "NIN"):
            raise reader.missing("an operator (=, !=, <, <=, >, >=, IN, NIN)")
        negated = reader.advance().word == "NIN"
        return Membership(operand, self._items(), negated)

    def _items(self) -> tuple[Literal, ...]:
        reader = self._reader
        reader.symbol("[")
        items = [self._literal()]
        while reader.skip_symbol(","):
            if len(items) == MAX_ITEMS:
                raise reader.error(f"IN has more than {MAX_ITEMS} items.")
            items.append(self._literal())
        reader.symbol("]")
        return tuple(items)

    def _operand(self) -> Operand:
        token = self._reader.token
        is_literal = token.kind in ("string", "number") or token.text == "-" or token.word in _CONSTANTS
        return self._literal() if is_literal else read_path(self._reader)

    def _literal(self) -> Literal:
        reader = self._reader
        start = reader.token.start
        if reader.skip_symbol("-"):
            if reader.token.kind != "number":
                raise reader.missing("a number")
            return Literal(-cast(float, reader.advance().value), start)
        if reader.at_word(*_CONSTANTS):
            return Literal(_CONSTANTS[reader.advance().word], start)
        if reader.token.kind not in ("string", "number"):
            raise reader.missing("a string, a number, true, false or null")
        return Literal(reader.advance().value, start)

    def _call(self) -> Condition:
        reader = self._reader
        function = reader.token.word
        if function == "IS_OF_MODEL":
            return self._of_model()
        if function not in TYPE_CHECKS and function not in TEXT_CHECKS and function != "ARRAY_CONTAINS":
            raise reader.error(f"unknown function '{reader.token.text}'")
        reader.advance()
        reader.symbol("(")
        path = read_path(reader)
        condition: Condition
        if function in TYPE_CHECKS:
            condition = TypeCheck(function, path)
        else:
            reader.symbol(",")
            is_text = function in TEXT_CHECKS
            condition = (
                TextCheck(TEXT_CHECKS[function], path, reader.string())
                if is_text
                else ArrayContains(path, self._literal())
            )
        reader.symbol(")")
        return condition

    def _of_model(self) -> OfModel:
        """IS_OF_MODEL([collection,] 'model' [, exact])"""
        reader = self._reader
        start = reader.advance().start
        reader.symbol("(")
        collection: Name | None = None
        if reader.token.kind != "string":
            collection = reader.name()
            reader.symbol(",")
        model = reader.string()
        exact = reader.skip_symbol(",")
        if exact:
            reader.word("EXACT")
        reader.symbol(")")
        return OfModel(collection, model, exact, start)
