"""From declared functions to indexed ones: the Python worker's checks, then the host's.

What the worker refuses fails the indexing of the whole app; what the host refuses puts one function in error.
Sources: azure-functions-python-worker, functions.py and loader.py; azure-functions-host,
WorkerFunctionMetadataProvider.cs and Utility.cs.
"""

import inspect
import re
import typing
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import azure.functions as func
from azure.functions._thirdparty import typing_inspect
from azure.functions.decorators.function_app import Function as DeclaredFunction

from local.functions_host.durations import InvalidDuration, parse_duration
from local.functions_host.functions import (
    VALID_BINDING_NAME,
    VALID_FUNCTION_NAME,
    Binding,
    Function,
    FunctionInError,
    Parameter,
    RetryPolicy,
)
from local.functions_host.host_json import RetryOptions
from local.process import UserMistake

RETURN = "$return"
GENERIC = "generic"
_shapes: Any = typing_inspect
_registry: Any = func.get_binding_registry
_CLOCK = re.compile(r"\d{1,2}:\d{1,2}:\d{1,2}", re.ASCII)
_HINT = "use typing.List[…] rather than list[…], and no Optional[…]"


def index(
    declared: list[DeclaredFunction], fallback: RetryOptions | None
) -> tuple[list[Function], list[FunctionInError]]:
    """The functions that can run and those in error. Raises UserMistake when the worker would refuse the app."""
    functions: list[Function] = []
    in_error: list[FunctionInError] = []
    for one in declared:
        function = _Indexer(one, fallback).function()
        reason = _host_refusal(function)
        if reason:
            in_error.append(FunctionInError(function.name, reason))
        else:
            functions.append(function)
    return functions, in_error


def converter(name: str) -> Any:
    """The azure-functions converter of a binding type; None for those that the library leaves to generic ones."""
    return _registry().get(name)


def _host_refusal(function: Function) -> str | None:
    if not VALID_FUNCTION_NAME.fullmatch(function.name):
        return f"'{function.name}' is not a valid function name: letters, digits, _ and -, starting with a letter."
    names = [binding.name for binding in (function.trigger, *function.outputs)]
    for name in names:
        if not VALID_BINDING_NAME.fullmatch(name):
            return (
                f"The binding name {name} is invalid. Please assign a valid name to the binding "
                "(letters and digits only, starting with a letter: no underscore)."
            )
        if [other.lower() for other in names].count(name.lower()) > 1:
            return f"Multiple bindings with name '{name}' discovered. Binding names must be unique."
    return None


class _Indexer:
    """Indexes one function; every refusal names it."""

    def __init__(self, declared: DeclaredFunction, fallback: RetryOptions | None) -> None:
        self._declared = declared
        self._name: str = declared.get_function_name() or ""
        self._handler: Callable[..., Any] = declared.get_user_function()
        self._fallback = fallback

    def function(self) -> Function:
        bindings = self._bindings()
        trigger = next(binding for binding in bindings if binding.type.lower().endswith("trigger"))
        parameters = dict(inspect.signature(self._handler).parameters)
        hints = self._hints()
        by_name = {b.name: b for b in bindings if b.name != RETURN}
        takes_context = self._takes_context(parameters, by_name, hints)
        self._match_names(parameters, by_name)
        inputs = {name: self._parameter(by_name[name], hints) for name in parameters if by_name[name].direction == "in"}
        outs = {name: self._parameter(by_name[name], hints) for name in parameters if by_name[name].direction == "out"}
        return Function(
            name=self._name,
            handler=self._handler,
            directory=str(Path(inspect.getfile(inspect.unwrap(self._handler))).parent),
            is_async=inspect.iscoroutinefunction(self._handler),
            takes_context=takes_context,
            trigger=trigger,
            outputs=tuple(binding for binding in bindings if binding is not trigger),
            inputs=inputs,
            out_parameters=outs,
            returns=self._returns(bindings, hints),
            retry=self._retry(),
        )

    def _refuse(self, why: str) -> UserMistake:
        return UserMistake(f"Cannot load the {self._name} function: {why}.")

    def _bindings(self) -> list[Binding]:
        found = []
        for declared in self._declared.get_bindings():
            properties = {key: _plain(value) for key, value in declared.get_dict_repr().items()}
            if declared.direction not in (0, 1):
                raise self._refuse('"inout" bindings are not supported')
            direction: Literal["in", "out"] = "out" if declared.direction == 1 else "in"
            if declared.name == RETURN and direction != "out":
                raise self._refuse('"$return" binding must have direction set to "out"')
            found.append(Binding(declared.name, str(declared.type), direction, properties))
        return found

    def _hints(self) -> dict[str, Any]:
        try:
            return typing.get_type_hints(self._handler)
        except (NameError, TypeError) as error:
            raise self._refuse(f"its annotations can't be read: {error}") from error

    def _takes_context(
        self, parameters: dict[str, inspect.Parameter], bound: Mapping[str, Binding], hints: Mapping[str, Any]
    ) -> bool:
        if "context" not in parameters or "context" in bound:
            return False
        del parameters["context"]
        annotation = hints.get("context")
        if annotation is not None and not (isinstance(annotation, type) and annotation.__name__ == "Context"):
            raise self._refuse(
                f'the "context" parameter is expected to be of type azure.functions.Context, got {annotation!r}'
            )
        return True

    def _match_names(self, parameters: Mapping[str, Any], bound: Mapping[str, Binding]) -> None:
        if extra := sorted(set(parameters) - set(bound)):
            raise self._refuse(f"it has parameters that no binding fills: {', '.join(extra)} (arg_name must match)")
        if missing := sorted(set(bound) - set(parameters)):
            raise self._refuse(f"it has bindings that no parameter takes: {', '.join(missing)} (arg_name must match)")

    def _parameter(self, binding: Binding, hints: Mapping[str, Any]) -> Parameter:
        if binding.name not in hints:
            return Parameter(binding.type, None)
        annotation = hints[binding.name]
        is_out = _is_out(annotation)
        inner = self._inside_out(binding, annotation) if is_out else annotation
        if not isinstance(inner, type) and not _shapes.is_generic_type(inner):
            raise self._refuse(f"binding {binding.name} has invalid non-type annotation {annotation!r}; {_HINT}")
        if binding.direction == "out" and not is_out:
            raise self._refuse(f"binding {binding.name} is an output, so its annotation must be azure.functions.Out[…]")
        if binding.direction == "in" and is_out:
            raise self._refuse(f"binding {binding.name} is an input, so its annotation can't be azure.functions.Out")
        name = GENERIC if inner in (str, bytes) and not _has_implicit_output(binding.type) else binding.type
        self._check(binding, name, inner, is_out)
        return Parameter(name, inner)

    def _inside_out(self, binding: Binding, annotation: Any) -> Any:
        arguments = _shapes.get_args(annotation)
        if len(arguments) != 1:
            raise self._refuse(f"binding {binding.name} has invalid Out annotation {annotation!r}")
        inner = arguments[0]
        if isinstance(inner, tuple) and _shapes.is_generic_type(inner[0]):
            return inner[0][inner[1:]]
        return inner

    def _check(self, binding: Binding, name: str, annotation: Any, is_out: bool) -> None:
        found = converter(name)
        try:
            if found is None:
                allowed = (str, bytes, bytearray) if is_out else (str, bytes)
                fits = issubclass(annotation, allowed)
            elif is_out:
                fits = found.check_output_type_annotation(annotation)
            else:
                fits = found.check_input_type_annotation(annotation)
        except TypeError as error:
            raise self._refuse(f"the annotation {annotation!r} of {binding.name} can't be used: {error}") from error
        if not fits:
            raise self._refuse(
                f'type of {binding.name} binding "{binding.type}" does not match its annotation {annotation!r}'
            )

    def _returns(self, bindings: list[Binding], hints: Mapping[str, Any]) -> Parameter | None:
        explicit = next((binding for binding in bindings if binding.name == RETURN), None)
        implicit = next((binding for binding in bindings if _has_implicit_output(binding.type)), None)
        chosen = explicit or implicit
        if chosen is None:
            return None
        annotation = hints.get("return")
        if explicit and annotation is not None:
            if not isinstance(annotation, type):
                raise self._refuse(f"has invalid non-type return annotation {annotation!r}")
            self._check(explicit, explicit.type, annotation, True)
        return Parameter(chosen.type, annotation)

    def _retry(self) -> RetryPolicy | None:
        declared = self._declared.get_settings_dict("retry_policy")
        try:
            if declared:
                return _declared_policy(declared)
            return _host_policy(self._fallback) if self._fallback else None
        except (InvalidDuration, ValueError, KeyError) as error:
            raise self._refuse(f"its retry policy can't be used: {error}") from error


def _plain(value: Any) -> Any:
    """Enumerations of the library as function.json writes them."""
    if isinstance(value, list | tuple) or inspect.isgenerator(value):
        return [_plain(item) for item in value]
    return str(value) if hasattr(value, "name") and hasattr(value, "value") else value


def _is_out(annotation: Any) -> bool:
    origin = _shapes.get_origin(annotation) if _shapes.is_generic_type(annotation) else None
    return getattr(origin or annotation, "__name__", "") == "Out"


def _has_implicit_output(type_name: str) -> bool:
    found = converter(type_name)
    if found is None:
        return type_name != "durableClient"
    return bool(getattr(found, "has_implicit_output", lambda: False)())


def _declared_policy(declared: Mapping[str, str]) -> RetryPolicy:
    limit, strategy = int(declared["max_retry_count"]), declared["strategy"]
    if strategy == "fixed_delay":
        delay = _whole_seconds(declared["delay_interval"])
        return RetryPolicy("fixed_delay", limit, delay, delay)
    if strategy != "exponential_backoff":
        raise ValueError(f"{strategy!r} is no strategy: fixed_delay or exponential_backoff")
    return _backoff(limit, _whole_seconds(declared["minimum_interval"]), _whole_seconds(declared["maximum_interval"]))


def _whole_seconds(text: str) -> timedelta:
    """An interval of a decorator, which the worker reads by strptime's %H:%M:%S: no days and no fractions."""
    if not _CLOCK.fullmatch(text):
        raise InvalidDuration(f"{text!r} is no interval that the worker reads: write it as hh:mm:ss")
    return parse_duration(text)


def _host_policy(options: RetryOptions) -> RetryPolicy:
    if options.strategy == "fixeddelay":
        if options.delay_interval is None:
            raise ValueError("host.json's retry needs delayInterval")
        return RetryPolicy("fixed_delay", options.max_retry_count, options.delay_interval, options.delay_interval)
    if options.minimum_interval is None or options.maximum_interval is None:
        raise ValueError("host.json's retry needs minimumInterval and maximumInterval")
    return _backoff(options.max_retry_count, options.minimum_interval, options.maximum_interval)


def _backoff(limit: int, minimum: timedelta, maximum: timedelta) -> RetryPolicy:
    if minimum > maximum:
        raise ValueError("the minimum interval must not be greater than the maximum interval")
    return RetryPolicy("exponential_backoff", limit, minimum, maximum)
