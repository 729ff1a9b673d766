"""What a handler is given besides its data: func.Context with its trace and retry contexts, and Out parameters.

Source: azure-functions-python-worker, bindings/context.py, tracecontext.py, retrycontext.py, out.py.
"""

import secrets
import threading
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import azure.functions as func
from azure.functions import _abc

CURRENT_INVOCATION: ContextVar["Invocation | None"] = ContextVar("invocation", default=None)
"""The invocation that this task or thread works for; its logs are the function's."""

_thread_local = threading.local()


@dataclass(frozen=True)
class Invocation:
    """Which invocation of which function."""

    id: str
    function: str


class FailedAttempt(_abc.RpcException):
    """The exception of the attempt before a retry."""

    def __init__(self, error: BaseException, trace: str) -> None:
        self._error = error
        self._trace = trace

    @property
    def source(self) -> str:
        return type(self._error).__module__

    @property
    def stack_trace(self) -> str:
        return self._trace

    @property
    def message(self) -> str:
        return f"{type(self._error).__name__}: {self._error}"


class TraceContext(_abc.TraceContext):
    """A W3C trace context: the caller's, else a fresh one."""

    def __init__(self, parent: str | None = None, state: str | None = None) -> None:
        self._parent = parent or f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
        self._state = state or ""

    @property
    def trace_state(self) -> str:
        return self._state

    @property
    def trace_parent(self) -> str:
        return self._parent

    @property
    def attributes(self) -> dict[str, str]:
        return {}


class RetryContext(_abc.RetryContext):
    """0 retries on the first attempt; `exception` is the last attempt's."""

    def __init__(self, count: int, limit: int, exception: FailedAttempt | None) -> None:
        self._count = count
        self._limit = limit
        self._exception = exception

    @property
    def retry_count(self) -> int:
        return self._count

    @property
    def max_retry_count(self) -> int:
        return self._limit

    @property
    def exception(self) -> Any:
        return self._exception


class Context(func.Context):
    """func.Context of one attempt."""

    def __init__(self, invocation: Invocation, directory: str, trace: TraceContext, retry: RetryContext) -> None:
        self._invocation = invocation
        self._directory = directory
        self._trace = trace
        self._retry = retry

    @property
    def invocation_id(self) -> str:
        return self._invocation.id

    @property
    def thread_local_storage(self) -> Any:
        return _thread_local

    @property
    def function_name(self) -> str:
        return self._invocation.function

    @property
    def function_directory(self) -> str:
        return self._directory

    @property
    def trace_context(self) -> TraceContext:
        return self._trace

    @property
    def retry_context(self) -> RetryContext:
        return self._retry


class Out(func.Out[Any]):
    """An output parameter."""

    def __init__(self) -> None:
        self._value: Any = None

    def set(self, val: Any) -> None:
        self._value = val

    def get(self) -> Any:
        return self._value
