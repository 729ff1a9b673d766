"""Fault rules on Kusto requests: a status in the service's own error shape, a delay, a reset connection."""

import asyncio

from starlette.requests import Request

from local.data_explorer.errors import InternalError, KustoError, Throttled, Unavailable
from local.faults import FaultRule, Faults
from local.http import reset_connection

_SHAPES: dict[int, type[KustoError]] = {429: Throttled, 503: Unavailable}


class InjectedFault(KustoError):
    """What a fault rule answers. `retry_after` is in whole seconds, 0 for none."""

    def __init__(self, rule: FaultRule) -> None:
        status = 503 if rule.action == "busy" else rule.status
        shape = _SHAPES.get(status, InternalError if status >= 500 else KustoError)
        super().__init__("Injected fault.", code=shape.code)
        self.status, self.kind, self.summary = status, shape.kind, shape.summary
        self.permanent = shape.permanent
        self.retry_after = -(-rule.retry_after_ms // 1000)


async def strike(faults: Faults, operation: str, request: Request) -> None:
    """Does what the first rule that hits `operation` says. Raises InjectedFault when the request ends by it."""
    rule = faults.strike(operation)
    if rule is None:
        return
    if rule.delay_ms:
        await asyncio.sleep(rule.delay_ms / 1000)
    if rule.action == "delay":
        return
    if rule.action == "reset":
        reset_connection(request.scope)
    raise InjectedFault(rule)
