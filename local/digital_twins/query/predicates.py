"""Conditions as SQL.

A condition is true or not: one on a property that is not there, or is of another type, is not true, and its NOT is.
Only primitives compare. `json_type` comes after the cheaper comparison, so that most rows never get to it.
"""

from local.digital_twins.query.errors import query_error
from local.digital_twins.query.scopes import Property, Scope
from local.digital_twins.query.syntax import (
    And,
    ArrayContains,
    Comparison,
    Condition,
    Literal,
    Membership,
    Not,
    OfModel,
    Operator,
    Or,
    Path,
    Scalar,
    TextCheck,
    TypeCheck,
)

_TYPES = {
    "IS_BOOL": "IN ('true', 'false')",
    "IS_NUMBER": "IN ('integer', 'real')",
    "IS_STRING": "= 'text'",
    "IS_NULL": "= 'null'",
    "IS_OBJECT": "= 'object'",
    "IS_PRIMITIVE": "IN ('integer', 'real', 'text', 'true', 'false', 'null')",
    "IS_DEFINED": "IS NOT NULL",
}
_MIRRORED: dict[Operator, Operator] = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


class Parameters:
    """Values that the SQL names `:p0`, `:p1`, …"""

    def __init__(self) -> None:
        self.values: dict[str, str | int | float | bytes] = {}

    def add(self, value: str | int | float | bytes) -> str:
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f":{name}"


class Predicates:
    """Writes the conditions of one query. Raises ServiceError (400) for what makes no sense in its scope."""

    def __init__(self, scope: Scope, parameters: Parameters) -> None:
        self._scope = scope
        self._parameters = parameters

    def sql(self, condition: Condition) -> str:
        match condition:
            case And(conditions):
                return "(" + " AND ".join(map(self.sql, conditions)) + ")"
            case Or(conditions):
                return "(" + " OR ".join(map(self.sql, conditions)) + ")"
            case Not(inner):
                return f"({self.sql(inner)} IS NOT TRUE)"
            case Comparison():
                return self._comparison(condition)
            case Membership():
                return self._membership(condition)
            case TypeCheck(function, path):
                return f"({self._scope.property_of(path).type_sql} {_TYPES[function]})"
            case TextCheck(function, path, text):
                return self._text_check(function, self._scope.property_of(path), text)
            case ArrayContains():
                return self._array_contains(condition)
            case OfModel():
                return self._of_model(condition)

    def _comparison(self, comparison: Comparison) -> str:
        operator, left, right = comparison.operator, comparison.left, comparison.right
        if isinstance(left, Path) and isinstance(right, Path):
            return _of_two(operator, self._scope.property_of(left), self._scope.property_of(right))
        if isinstance(left, Path) and isinstance(right, Literal):
            return self._with_literal(operator, self._scope.property_of(left), right.value)
        if isinstance(left, Literal) and isinstance(right, Path):
            return self._with_literal(_MIRRORED[operator], self._scope.property_of(right), left.value)
        raise query_error(self._scope.text, left.start, "a comparison needs a property.")

    def _with_literal(self, operator: Operator, operand: Property, value: Scalar) -> str:
        if operator == "!=":
            equal = self._with_literal("=", operand, value)
            return f"({operand.type_sql} {_TYPES['IS_PRIMITIVE']} AND {equal} IS NOT TRUE)"
        if value is None or isinstance(value, bool):
            name = "null" if value is None else str(value).lower()
            return f"({operand.type_sql} = '{name}')" if operator == "=" else "FALSE"
        compared = f"{operand.value_sql} {operator} {self._parameters.add(value)}"
        kind = "IS_STRING" if isinstance(value, str) else "IS_NUMBER"
        return f"({compared} AND {operand.type_sql} {_TYPES[kind]})"

    def _membership(self, membership: Membership) -> str:
        if not isinstance(membership.operand, Path):
            raise query_error(self._scope.text, membership.operand.start, "IN needs a property before it.")
        operand = self._scope.property_of(membership.operand)
        values = [item.value for item in membership.items]
        texts = [value for value in values if isinstance(value, str)]
        others = [value for value in values if value is None or isinstance(value, bool)]
        numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
        found = [self._with_literal("=", operand, value) for value in others]
        for kind, of_kind in (("IS_STRING", texts), ("IS_NUMBER", numbers)):
            if of_kind:
                listed = ", ".join(map(self._parameters.add, of_kind))
                found.append(f"({operand.value_sql} IN ({listed}) AND {operand.type_sql} {_TYPES[kind]})")
        is_in = "(" + " OR ".join(found) + ")"
        if not membership.negated:
            return is_in
        return f"({operand.type_sql} {_TYPES['IS_PRIMITIVE']} AND {is_in} IS NOT TRUE)"

    def _text_check(self, function: str, operand: Property, text: str) -> str:
        """Over bytes: a part of a text is the same part of its UTF-8."""
        part = text.encode()
        if not part:
            return f"({operand.type_sql} = 'text')"
        value, wanted = f"CAST({operand.value_sql} AS BLOB)", self._parameters.add(part)
        match function:
            case "STARTSWITH":
                compared = f"substr({value}, 1, {len(part)}) = {wanted}"
            case "ENDSWITH":
                compared = f"substr({value}, -{len(part)}) = {wanted}"
            case _:
                compared = f"instr({value}, {wanted}) > 0"
        return f"({compared} AND {operand.type_sql} = 'text')"

    def _array_contains(self, condition: ArrayContains) -> str:
        operand = self._scope.property_of(condition.path)
        if operand.member.kind == "relationships":
            raise query_error(
                self._scope.text, condition.path.start, "ARRAY_CONTAINS takes no relationship's property."
            )
        value = condition.item.value
        if value is None or isinstance(value, bool):
            matches = f"item.type = '{'null' if value is None else str(value).lower()}'"
        else:
            kind = "IS_STRING" if isinstance(value, str) else "IS_NUMBER"
            matches = f"item.value = {self._parameters.add(value)} AND item.type {_TYPES[kind]}"
        items = f"json_each({operand.value_sql}) AS item"
        return f"({operand.type_sql} = 'array' AND EXISTS (SELECT 1 FROM {items} WHERE {matches}))"

    def _of_model(self, condition: OfModel) -> str:
        model = f"{self._scope.twins(condition.collection, condition.start).table}.model"
        wanted = self._parameters.add(condition.model)
        if condition.exact:
            return f"({model} = {wanted})"
        return f"({model} IN (SELECT model FROM model_bases WHERE base = {wanted}))"


def _of_two(operator: Operator, left: Property, right: Property) -> str:
    values = f"{left.value_sql} {operator} {right.value_sql}"
    numbers = f"({left.type_sql} {_TYPES['IS_NUMBER']} AND {right.type_sql} {_TYPES['IS_NUMBER']} AND {values})"
    texts = f"({left.type_sql} = 'text' AND {right.type_sql} = 'text' AND {values})"
    if operator not in ("=", "!="):
        return f"({numbers} OR {texts})"
    if operator == "=":
        others = f"({left.type_sql} IN ('true', 'false', 'null') AND {left.type_sql} = {right.type_sql})"
        return f"({numbers} OR {texts} OR {others})"
    are_primitive = f"{left.type_sql} {_TYPES['IS_PRIMITIVE']} AND {right.type_sql} {_TYPES['IS_PRIMITIVE']}"
    return f"({are_primitive} AND {_of_two('=', left, right)} IS NOT TRUE)"
