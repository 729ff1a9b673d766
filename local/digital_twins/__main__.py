"""`python -m local.digital_twins`: a local Azure Digital Twins instance, HTTPS with a token check, or plain HTTP."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping
from functools import partial

from local.certificates import ensure_trust
from local.digital_twins.delivery import delivering
from local.digital_twins.limits import Limits
from local.digital_twins.outbox import Destinations
from local.digital_twins.server import Authentication, DigitalTwinsApp
from local.digital_twins.service import Service, opened
from local.faults import Faults
from local.http import local_app, serving, serving_plain, with_local_routes
from local.identity.tokens import Tokens
from local.process import UserMistake, announce, exclusive, run, server_arguments, stop_requested

DEFAULT_PORT = 8083


def arguments() -> ArgumentParser:
    parser = server_arguments("digital_twins", description=__doc__ or "", port=DEFAULT_PORT)
    parser.add_argument(
        "--http", type=int, metavar="N", help="also serve plain HTTP without a token check on this port"
    )
    parser.add_argument(
        "--endpoint",
        action="append",
        default=[],
        type=_endpoint,
        metavar="NAME=HUB",
        help="an endpoint for event routes, and the hub that it is (repeatable)",
    )
    parser.add_argument("--history", metavar="HUB", help="the hub that data history records go to (default: none)")
    parser.add_argument(
        "--event-hubs", metavar="CONNECTION_STRING", help="the Event Hubs namespace of the endpoints and of the history"
    )
    parser.add_argument(
        "--instance", default="localhost", metavar="NAME", help="the instance's host name in events (default localhost)"
    )
    parser.add_argument("--limits", action="store_true", help="keep to the service's limits: 10 changes/s a twin, …")
    return parser


def _endpoint(text: str) -> tuple[str, str]:
    name, _, hub = text.partition("=")
    if not name or not hub:
        raise ArgumentTypeError(f"{text!r} is not NAME=HUB")
    return name, hub


async def main(arguments: Namespace) -> None:
    destinations = Destinations(dict(arguments.endpoint), arguments.history, arguments.instance)
    if (destinations.endpoints or destinations.history) and not arguments.event_hubs:
        raise UserMistake("Endpoints and data history need --event-hubs, the namespace's connection string.")
    faults = Faults()
    with exclusive(arguments.data):
        path = arguments.data / "digital_twins.sqlite3"
        async with (
            opened(path, destinations, Limits() if arguments.limits else None) as service,
            delivering(service, arguments.event_hubs or ""),
        ):
            await _serve(service, faults, arguments)


async def _serve(service: Service, faults: Faults, arguments: Namespace) -> None:
    app = DigitalTwinsApp(service, faults)
    guarded = Authentication(app, Tokens(arguments.trust))
    local = local_app(faults, lambda: _health(service))
    certificate = ensure_trust(arguments.trust).server
    async with (
        serving(with_local_routes(guarded, local), arguments.port, certificate=certificate) as url,
        serving_plain(with_local_routes(app, local), arguments.http) as plain,
    ):
        announce(url, admin=plain)
        await stop_requested()


def _health(service: Service) -> Mapping[str, object]:
    """`undelivered` counts events that Event Hubs has not accepted yet."""
    counted = ("twins", "relationships", "models")
    counts = {table: service.reader.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in counted}
    undelivered = service.reader.execute("SELECT count(*) FROM outbox").fetchone()[0]
    return {**counts, "undelivered": undelivered}


if __name__ == "__main__":
    run(partial(main, arguments().parse_args()))
