"""Which listener serves which trigger type; its module, and so the service's SDK, is loaded when an app has one."""

from collections.abc import Callable, Mapping

from local.functions_host.invocations import Invoker
from local.functions_host.listeners import Listener
from local.functions_host.surroundings import Surroundings

Maker = Callable[[Invoker, Surroundings], Listener]
"""Makes a function's listener. Raises MissingSetting when the trigger names a setting that is not set."""

EVENT_HUB, COSMOS, TIMER, BLOB = "eventHubTrigger", "cosmosDBTrigger", "timerTrigger", "blobTrigger"

RETRYING = frozenset({EVENT_HUB, COSMOS, TIMER})
"""Triggers whose retry policies the host follows; others have their own way, or none.

Source: Microsoft Learn, "Azure Functions error handling and retries", retry policies.
"""


def _event_hub(invoker: Invoker, surroundings: Surroundings) -> Listener:
    from local.functions_host.event_hub_listener import EventHubListener

    return EventHubListener(invoker, surroundings)


def _cosmos(invoker: Invoker, surroundings: Surroundings) -> Listener:
    from local.functions_host.cosmos_listener import CosmosListener

    return CosmosListener(invoker, surroundings)


def _timer(invoker: Invoker, surroundings: Surroundings) -> Listener:
    from local.functions_host.timer_listener import TimerListener

    return TimerListener(invoker, surroundings)


def _blob(invoker: Invoker, surroundings: Surroundings) -> Listener:
    from local.functions_host.blob_listener import BlobListener

    return BlobListener(invoker, surroundings)


TRIGGERS: Mapping[str, Maker] = {EVENT_HUB: _event_hub, COSMOS: _cosmos, TIMER: _timer, BLOB: _blob}
