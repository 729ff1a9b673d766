"""Which listener serves which trigger type."""

from collections.abc import Callable, Mapping

from local.functions_host.blob_listener import TRIGGER as BLOB
from local.functions_host.blob_listener import BlobListener
from local.functions_host.cosmos_listener import TRIGGER as COSMOS
from local.functions_host.cosmos_listener import CosmosListener
from local.functions_host.event_hub_listener import TRIGGER as EVENT_HUB
from local.functions_host.event_hub_listener import EventHubListener
from local.functions_host.invocations import Invoker
from local.functions_host.listeners import Listener
from local.functions_host.surroundings import Surroundings
from local.functions_host.timer_listener import TRIGGER as TIMER
from local.functions_host.timer_listener import TimerListener

Maker = Callable[[Invoker, Surroundings], Listener]
"""Makes a function's listener. Raises MissingSetting when the trigger names a setting that is not set."""

TRIGGERS: Mapping[str, Maker] = {
    EVENT_HUB: EventHubListener,
    COSMOS: CosmosListener,
    TIMER: TimerListener,
    BLOB: BlobListener,
}

RETRYING = frozenset({EVENT_HUB, COSMOS, TIMER})
"""Triggers whose retry policies the host follows; others have their own way, or none.

Source: Microsoft Learn, "Azure Functions error handling and retries", retry policies.
"""
