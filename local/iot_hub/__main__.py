"""`python -m local.iot_hub`: a local IoT Hub in front of the telemetry hub."""

import argparse
import contextlib
import sys
from argparse import Namespace as Arguments
from functools import partial

from azure.eventhub.exceptions import EventHubError
from starlette.types import Scope

from local.certificates import ensure_trust
from local.event_hubs_namespace import connection_string
from local.faults import Faults
from local.http import FaultInjection, local_app, serving, with_local_routes
from local.iot_hub.access import Access
from local.iot_hub.enrichments import MAX_ENRICHMENTS, Enrichment
from local.iot_hub.forwarding import Forwarder
from local.iot_hub.front_door import FrontDoor
from local.iot_hub.http_api import iot_hub_app
from local.iot_hub.mqtt_server import serving_mqtt
from local.iot_hub.registry import Registry
from local.process import UserMistake, announce, run, server_arguments, stop_requested
from local.topology import TELEMETRY_HUB

DEFAULT_PORT = 8084
DEFAULT_MQTT_PORT = 8883


async def main(arguments: Arguments) -> None:
    trust = ensure_trust(arguments.trust)
    registry = Registry(arguments.data / "registry.db")
    faults = Faults()
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(registry.close)
        forwarder = await _forwarder(stack, arguments)
        door = FrontDoor(registry, Access(registry), forwarder, tuple(arguments.enrichment or ()), faults)
        app = FaultInjection(iot_hub_app(door), faults, _operation)
        health = local_app(faults, lambda: {"devices": registry.count()})
        serve = serving(with_local_routes(app, health), arguments.port, certificate=trust.server)
        url = await stack.enter_async_context(serve)
        port = await stack.enter_async_context(serving_mqtt(door, arguments.mqtt_port, trust.server))
        announce(url)
        print(f"mqtt mqtts://127.0.0.1:{port}", flush=True)
        await stop_requested()


async def _forwarder(stack: contextlib.AsyncExitStack, arguments: Arguments) -> Forwarder:
    try:
        return await stack.enter_async_context(Forwarder(arguments.event_hubs, arguments.hub))
    except (EventHubError, ValueError) as error:
        raise UserMistake(
            f"The telemetry hub '{arguments.hub}' can't be reached: start local.event_hubs first, or give its "
            f"connection string as --event-hubs. ({error})"
        ) from error


def _operation(scope: Scope) -> str:
    """`http.send:<device>` for a message, else `http.<first part of the path>`."""
    parts = scope["path"].strip("/").split("/")
    return f"http.send:{parts[1]}" if parts[-1] == "events" and len(parts) > 1 else f"http.{parts[0]}"


def enrichment(text: str) -> Enrichment:
    """`KEY=VALUE`. Raises ArgumentTypeError."""
    key, _, value = text.partition("=")
    if not key or not value:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return Enrichment(key, value)


def parser() -> argparse.ArgumentParser:
    parser = server_arguments("iot_hub", description="A local IoT Hub (HTTPS and MQTT).", port=DEFAULT_PORT)
    parser.add_argument(
        "--mqtt-port",
        type=int,
        default=DEFAULT_MQTT_PORT,
        metavar="N",
        help=f"MQTT port (default {DEFAULT_MQTT_PORT}, the only one azure-iot-device knows)",
    )
    parser.add_argument(
        "--event-hubs", default=connection_string(), metavar="CONNECTION", help="connection string of the namespace"
    )
    parser.add_argument(
        "--hub", default=TELEMETRY_HUB, metavar="NAME", help=f"where messages go (default {TELEMETRY_HUB})"
    )
    parser.add_argument(
        "--enrichment",
        type=enrichment,
        action="append",
        metavar="KEY=VALUE",
        help=f"a property for every message; VALUE may be $twin.tags.… (repeatable, at most {MAX_ENRICHMENTS})",
    )
    return parser


if __name__ == "__main__":
    options = parser().parse_args()
    if len(options.enrichment or ()) > MAX_ENRICHMENTS:
        sys.exit(f"IoT Hub takes at most {MAX_ENRICHMENTS} enrichments.")
    run(partial(main, options))
