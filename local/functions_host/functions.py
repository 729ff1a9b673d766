"""What the host knows of one function once its app is indexed."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

VALID_FUNCTION_NAME = re.compile(r"[a-z][a-z0-9_\-]{0,127}", re.IGNORECASE)
VALID_BINDING_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9]{0,127}|\$return")
"""Source: azure-functions-host, Utility.cs."""


@dataclass(frozen=True)
class Binding:
    """One binding as function.json would hold it: `properties` are its camelCase keys without None."""

    name: str
    type: str
    direction: Literal["in", "out"]
    properties: Mapping[str, Any]

    def text(self, key: str) -> str | None:
        """A property as text, None when absent."""
        value = self.properties.get(key)
        return None if value is None else str(value)

    def number(self, key: str, default: int) -> int:
        """A property as a number; 0 means the default, as in the extensions."""
        return int(self.properties.get(key) or default)


@dataclass(frozen=True)
class Parameter:
    """How one Python parameter is converted: the converter's name, and the annotation inside Out[] or none."""

    converter: str
    annotation: type | None


@dataclass(frozen=True)
class RetryPolicy:
    """`limit` -1 is without end. A fixed delay has minimum = maximum."""

    strategy: Literal["fixed_delay", "exponential_backoff"]
    limit: int
    minimum: timedelta
    maximum: timedelta


@dataclass(frozen=True)
class Function:
    """An indexed function: what to call, and how its parameters and its result are bound."""

    name: str
    handler: Callable[..., Any]
    directory: str
    is_async: bool
    takes_context: bool
    trigger: Binding
    outputs: tuple[Binding, ...]
    inputs: Mapping[str, Parameter]
    out_parameters: Mapping[str, Parameter]
    returns: Parameter | None
    retry: RetryPolicy | None

    @property
    def binding_types(self) -> tuple[str, ...]:
        return (self.trigger.type, *(binding.type for binding in self.outputs))


@dataclass(frozen=True)
class FunctionInError:
    """A function that the host leaves out, and why, as one sentence."""

    name: str
    reason: str
