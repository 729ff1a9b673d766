"""`python -m simulator`: plays recorded data, or a made-up fleet, to the local stack."""

import asyncio
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from azure.eventhub.exceptions import EventHubError
from rich.console import Console

from local.event_hubs_namespace import connection_string
from local.iot_hub.access import SERVICE_KEY, SERVICE_POLICY
from local.topology import TELEMETRY_HUB
from simulator.fleet import Fleet, FleetPlan
from simulator.recordings import Columns, RecordingMistake, motes, recording
from simulator.replay import Replayed, replay_with_progress
from simulator.samples import Message, Sample, message_of
from simulator.senders import HttpsSender, HubSender, IotHubAddress, MqttSender, Sender, SendingFailed

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__, pretty_exceptions_enable=False)
console = Console(width=None if sys.stdout.isatty() else 120)
EVENT_HUBS = connection_string()


def _time(text: str) -> datetime:
    """ISO 8601; without an offset it is UTC."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text} is not ISO 8601, such as 2025-02-04T11:24:52Z.") from error
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


class Via(StrEnum):
    """The way to the telemetry hub."""

    HUB = "hub"
    HTTPS = "https"
    MQTT = "mqtt"


ViaOption = Annotated[Via, typer.Option(help="straight to the hub, or as a device")]
RateOption = Annotated[float | None, typer.Option(min=0.1, help="messages a second (default: as fast as it goes)")]
StartOption = Annotated[
    datetime | None,
    typer.Option(parser=_time, metavar="TIME", help="ISO 8601: of the first reading (default: the last is now)"),
]
EventHubsOption = Annotated[str, typer.Option(help="connection string, for --via hub")]
HubOption = Annotated[str, typer.Option(help="the telemetry hub's name, for --via hub")]
IotHubOption = Annotated[str, typer.Option(help="the IoT Hub's address, for --via https and mqtt")]
AuthorityOption = Annotated[Path, typer.Option(help="whom to trust, for --via https and mqtt")]


@app.command("replay")
def replay_command(
    file: Annotated[Path | None, typer.Argument(help="CSV or NDJSON (default: the recorded sensor network)")] = None,
    via: ViaOption = Via.HUB,
    rate: RateOption = None,
    start: StartOption = None,
    time: Annotated[str | None, typer.Option(help="the column with the time")] = None,
    device: Annotated[str | None, typer.Option(help="the column with the device id")] = None,
    asset: Annotated[str | None, typer.Option(help="the column with the asset path")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="NAME=COLUMN or COLUMN, repeatable (default: the rest)")] = None,
    every: Annotated[float, typer.Option(min=0.001, help="seconds between rows without a time column")] = 5.0,
    event_hubs: EventHubsOption = EVENT_HUBS,
    hub: HubOption = TELEMETRY_HUB,
    iot_hub: IotHubOption = "https://localhost:8084",
    authority: AuthorityOption = Path(".local/trust/ca.pem"),
) -> None:
    """Play recorded data again."""
    tags = dict(_pair(each) for each in tag) if tag else None
    columns = Columns(time, device, asset, tags, timedelta(seconds=every))
    try:
        samples = motes(start) if file is None else recording(file, columns, start)
    except RecordingMistake as mistake:
        raise _told(mistake) from None
    _send(_messages(samples), _sender(via, event_hubs, hub, iot_hub, authority), rate)


@app.command("fleet")
def fleet_command(
    devices: Annotated[int, typer.Option(min=1, help="how many devices")] = 10,
    sites: Annotated[int, typer.Option(min=1, help="at how many sites")] = 2,
    messages: Annotated[int, typer.Option(min=1, help="how many messages in all")] = 10_000,
    every: Annotated[float, typer.Option(min=0.001, help="seconds between a device's readings")] = 5.0,
    duplicates: Annotated[float, typer.Option(min=0, max=1, help="share sent twice")] = 0.001,
    late: Annotated[float, typer.Option(min=0, max=1, help="share that is two hours old")] = 0.0,
    malformed: Annotated[float, typer.Option(min=0, max=1, help="share that is no telemetry")] = 0.0,
    clock_ahead: Annotated[float, typer.Option(min=0, max=1, help="share a year ahead")] = 0.0,
    bursts: Annotated[float, typer.Option(min=0, max=1, help="share that starts a burst of 50")] = 0.0,
    seed: Annotated[int, typer.Option(help="the same seed makes the same fleet")] = 1,
    via: ViaOption = Via.HUB,
    rate: RateOption = None,
    event_hubs: EventHubsOption = EVENT_HUBS,
    hub: HubOption = TELEMETRY_HUB,
    iot_hub: IotHubOption = "https://localhost:8084",
    authority: AuthorityOption = Path(".local/trust/ca.pem"),
) -> None:
    """Send what a made-up fleet measures."""
    plan = FleetPlan(devices, sites, duplicates, late, malformed, clock_ahead, bursts, seed=seed)
    fleet = Fleet(plan)
    interval = timedelta(seconds=every)
    start = datetime.now(UTC) - interval * (messages // devices)
    made = list(islice(fleet.messages(start, interval), messages))
    _send(made, _sender(via, event_hubs, hub, iot_hub, authority), rate)
    console.print(", ".join(f"{count:,} {kind}" for kind, count in sorted(fleet.made.items())))


def _messages(samples: Iterable[Sample]) -> list[Message]:
    return [message_of(sample) for sample in samples]


def _sender(via: Via, event_hubs: str, hub: str, iot_hub: str, authority: Path) -> Sender:
    if via is Via.HUB:
        try:
            return HubSender(event_hubs, hub)
        except ValueError as error:
            raise _told(f"--event-hubs is no connection string: {error}") from None
    if not authority.exists():
        raise _told(f"{authority} is not there: start the stack first (`make up`), or give --authority.")
    address = IotHubAddress(iot_hub, authority, SERVICE_POLICY, SERVICE_KEY)
    return HttpsSender(address) if via is Via.HTTPS else MqttSender(address)


def _send(messages: Sequence[Message], sender: Sender, rate: float | None) -> None:
    async def send() -> Replayed:
        async with sender:
            return await replay_with_progress(messages, sender, console, rate=rate)

    try:
        replayed = asyncio.run(send())
    except (EventHubError, SendingFailed, OSError) as error:
        raise _told(f"The hub can't be reached or does not take the messages: {error}") from None
    console.print(f"{replayed.messages:,} messages accepted in {replayed.seconds:.1f} s ({replayed.rate:,.0f}/s)")


def _pair(text: str) -> tuple[str, str]:
    name, _, column = text.partition("=")
    return name, column or name


def _told(mistake: object) -> typer.Exit:
    """Says what was wrong, without a stack trace."""
    Console(stderr=True).print(str(mistake), style="red")
    return typer.Exit(2)


if __name__ == "__main__":
    app()
