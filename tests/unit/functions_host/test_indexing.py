"""Which declarations the Python worker takes, and which functions the host leaves out."""

import typing
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import azure.functions as func
import pytest

from local.functions_host.functions import Function, FunctionInError
from local.functions_host.host_json import RetryOptions
from local.functions_host.indexing import index
from local.process import UserMistake

Event = func.EventHubEvent


def _indexed(
    declare: Callable[[func.FunctionApp], object], fallback: RetryOptions | None = None
) -> tuple[list[Function], list[FunctionInError]]:
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
    declare(app)
    return index(app.get_functions(), fallback)


def _event_function(annotation: Any, cardinality: str = "many") -> Callable[[func.FunctionApp], object]:
    def handler(events): ...  # type: ignore[no-untyped-def]

    handler.__annotations__["events"] = annotation

    def declare(app: func.FunctionApp) -> object:
        trigger = app.event_hub_message_trigger("events", "C", "h", cardinality=cardinality)
        return trigger(handler)

    return declare


def _output_function(annotation: Any) -> Callable[[func.FunctionApp], object]:
    def handler(req, out): ...  # type: ignore[no-untyped-def]

    handler.__annotations__.update({"req": func.HttpRequest, "out": annotation})

    def declare(app: func.FunctionApp) -> object:
        return app.route(route="r")(app.event_hub_output("out", "C", "h")(handler))

    return declare


@pytest.mark.parametrize("annotation", [typing.List[Event], Event])  # noqa: UP006 - what the worker takes
def test_event_annotations_of_the_worker_are_taken(annotation: Any) -> None:
    ((function,), in_error) = _indexed(_event_function(annotation))
    assert (function.inputs["events"].annotation, in_error) == (annotation, [])


@pytest.mark.parametrize(
    "annotation",
    [list[Event], list, typing.Optional[Event], Event | None, func.HttpRequest, func.Out[str]],  # noqa: UP045
)
def test_event_annotations_that_the_worker_refuses_are_refused(annotation: Any) -> None:
    with pytest.raises(UserMistake, match="Cannot load the handler function: "):
        _indexed(_event_function(annotation))


@pytest.mark.parametrize("annotation", [func.Out[str], func.Out[bytes], func.Out[typing.List[str]]])  # noqa: UP006
def test_output_annotations_of_the_worker_are_taken(annotation: Any) -> None:
    ((function,), _) = _indexed(_output_function(annotation))
    assert set(function.out_parameters) == {"out"}


@pytest.mark.parametrize(
    "annotation",
    [func.Out[list[str]], func.Out[typing.List[bytes]], str, func.Out[int]],  # noqa: UP006
)
def test_output_annotations_that_the_worker_refuses_are_refused(annotation: Any) -> None:
    with pytest.raises(UserMistake, match="Cannot load the handler function: "):
        _indexed(_output_function(annotation))


def test_context_is_a_parameter_of_its_own() -> None:
    def declare(app: func.FunctionApp) -> None:
        @app.route(route="a")
        def wants(req: func.HttpRequest, context: func.Context) -> str:
            return ""

        @app.route(route="b")
        def does_without(req: func.HttpRequest) -> str:
            return ""

    functions, _ = _indexed(declare)
    assert [function.takes_context for function in functions] == [True, False]

    def declare_wrong(app: func.FunctionApp) -> None:
        @app.route(route="a")
        def wrong(req: func.HttpRequest, context: int) -> str:
            return ""

    with pytest.raises(UserMistake, match=r"expected to be of type azure\.functions\.Context"):
        _indexed(declare_wrong)


def test_names_that_only_the_host_refuses_put_one_function_in_error() -> None:
    def declare(app: func.FunctionApp) -> None:
        @app.schedule(schedule="0 0 * * * *", arg_name="my_timer")
        def underscored(my_timer: func.TimerRequest) -> None: ...

        @app.function_name("9lives")
        @app.schedule(schedule="0 0 * * * *", arg_name="timer")
        def numbered(timer: func.TimerRequest) -> None: ...

        @app.schedule(schedule="0 0 * * * *", arg_name="timer")
        def fine(timer: func.TimerRequest) -> None: ...

    functions, in_error = _indexed(declare)
    assert [function.name for function in functions] == ["fine"]
    assert "The binding name my_timer is invalid" in in_error[0].reason
    assert "'9lives' is not a valid function name" in in_error[1].reason


def test_own_retry_policy_goes_before_host_jsons() -> None:
    def declare(app: func.FunctionApp) -> None:
        @app.schedule(schedule="0 0 * * * *", arg_name="timer")
        @app.retry("exponential_backoff", "-1", minimum_interval="00:00:01", maximum_interval="00:01:00")
        def own(timer: func.TimerRequest) -> None: ...

        @app.schedule(schedule="0 0 * * * *", arg_name="timer")
        def common(timer: func.TimerRequest) -> None: ...

    fallback = RetryOptions(strategy="fixeddelay", max_retry_count=2, delay_interval=timedelta(seconds=3))
    (own, common), _ = _indexed(declare, fallback)

    assert own.retry is not None
    assert (own.retry.strategy, own.retry.limit, own.retry.maximum) == ("exponential_backoff", -1, timedelta(minutes=1))
    assert common.retry is not None
    assert (common.retry.strategy, common.retry.limit, common.retry.minimum) == ("fixed_delay", 2, timedelta(seconds=3))


@pytest.mark.parametrize(
    ("strategy", "intervals"),
    [
        ("fixed_delay", {"delay_interval": "0:0:0.5"}),
        ("fixed_delay", {"delay_interval": "24:00:00"}),
        ("fixed_delay", {"delay_interval": "1.00:00:00"}),
        ("linear", {"delay_interval": "00:00:01"}),
        ("exponential_backoff", {"minimum_interval": "00:00:05", "maximum_interval": "00:00:01"}),
        ("exponential_backoff", {"minimum_interval": "00:00:05"}),
    ],
)
def test_retry_policies_that_make_no_sense_are_refused(strategy: str, intervals: dict[str, str]) -> None:
    def declare(app: func.FunctionApp) -> None:
        @app.schedule(schedule="0 0 * * * *", arg_name="timer")
        @app.retry(strategy, "3", **intervals)  # type: ignore[arg-type]
        def wrong(timer: func.TimerRequest) -> None: ...

    with pytest.raises(UserMistake, match="its retry policy can't be used"):
        _indexed(declare)
