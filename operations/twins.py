"""`twins upload`: what Digital Twins holds before the app can use it, and Resource Manager has no types for."""

import asyncio
import json
from collections.abc import MutableMapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from azure.core.exceptions import AzureError, HttpResponseError
from azure.digitaltwins.core import DigitalTwinsEventRoute
from azure.identity.aio import DefaultAzureCredential

from operations.surroundings import FAILED, console, errors, run
from shared.consumers.twin_outcomes import TwinOutcome
from shared.consumers.twins import update_twins
from shared.gateways.digital_twins import SERVICE, twins_client
from shared.gateways.errors import Unavailable
from shared.gateways.worker import Gateways
from shared.settings import Settings, SettingsMistake
from shared.telemetry.decoding import decode
from shared.telemetry.events import HubEvent
from shared.topology import TWIN_ROUTES

if TYPE_CHECKING:
    from azure.digitaltwins.core.aio import DigitalTwinsClient

MODELS = Path(__file__).resolve().parent.parent / "dtdl"
DEMO = {
    "demo/cold-store/freezer01": {"temperature": -18.4, "humidity": 41.5, "door_open": False, "status": "ok"},
    "demo/cold-store/freezer02": {"temperature": -17.9, "humidity": 43.0, "door_open": True, "status": "warning"},
    "demo/hall/mote01": {"temperature": 21.3, "humidity": 38.2, "status": "ok"},
    "demo/roof/turbine01": {"wind_speed": 7.4, "rotor_speed": 12.1, "power": 840.0, "status": "ok"},
}
"""Assets of the demo graph by their paths, with a reading of each tag."""
_FORBIDDEN = 403
twins = typer.Typer(help="Digital Twins: its models, its routes, a graph to begin with.", no_args_is_help=True)


@twins.callback()
def group() -> None:
    """Digital Twins: its models, its routes, a graph to begin with."""


@twins.command()
def upload(
    demo: Annotated[bool, typer.Option("--demo", help="make a small graph, too, as update_twins would")] = False,
    patience: Annotated[
        int, typer.Option(min=0, help="seconds that a refusal may last: a new role needs some minutes")
    ] = 600,
    pause: Annotated[float, typer.Option(min=0.0, hidden=True)] = 10.0,
    settings: Annotated[Path, typer.Option("--settings", help="settings under the environment's own")] = Path(
        "local.settings.json"
    ),
) -> None:
    """Uploads the models of dtdl/ that are not there, and sets the routes of topology.json."""

    async def uploaded(gateways: Gateways, given: Settings) -> tuple[int, TwinOutcome | None]:
        if given.digital_twins_url is None:
            raise SettingsMistake("App settings: DIGITAL_TWINS_URL is missing.")
        if demo and not given.twin_auto_provision:
            raise SettingsMistake("App settings: TWIN_AUTO_PROVISION is off, and --demo makes twins.")
        models = await _patiently(given.digital_twins_url, patience, pause)
        return models, await make_demo_graph(gateways) if demo else None

    _tell(*run(uploaded, settings))


def _tell(models: int, made: TwinOutcome | None) -> None:
    console.print(f"{models} models uploaded, {len(TWIN_ROUTES)} routes set" + (", demo graph made" if made else ""))
    if made and made.dead_lettered:
        reasons = ", ".join(f"{count} {reason}" for reason, count in made.dead_lettered.items())
        errors.print(f"Assets of the demo were dead-lettered: {reasons}. `operations dead-letters list` shows them.")
        raise typer.Exit(FAILED)


async def _patiently(url: str, patience: int, pause: float) -> int:
    """Tries again while the service says that one may not: how many models were uploaded."""
    end = asyncio.get_running_loop().time() + patience
    async with DefaultAzureCredential() as credential, twins_client(url, credential) as client:
        while True:
            try:
                return await prepare(client)
            except HttpResponseError as error:
                if error.status_code != _FORBIDDEN or asyncio.get_running_loop().time() >= end:
                    raise Unavailable(SERVICE, error) from error
                console.print("Digital Twins does not let us in yet: a new role needs some minutes.")
            except AzureError as error:
                raise Unavailable(SERVICE, error) from error
            await asyncio.sleep(pause)


async def prepare(client: "DigitalTwinsClient") -> int:
    """Uploads what models there are not, all at once since they extend each other, and sets the routes."""
    known = {model.id async for model in client.list_models()}
    missing = [model for model in models_of(MODELS) if model["@id"] not in known]
    if missing:
        await client.create_models(missing)
    for name, condition in TWIN_ROUTES.items():
        await client.upsert_event_route(name, DigitalTwinsEventRoute(endpoint_name=name, filter=condition))
    return len(missing)


def models_of(folder: Path) -> list[MutableMapping[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


async def make_demo_graph(gateways: Gateways) -> TwinOutcome:
    """Gives update_twins a reading of each tag of the demo's assets: the twins, their places, and what ties them."""
    events = demo_events(datetime.now(UTC))
    return await update_twins(events, decode(events), gateways)


def demo_events(now: datetime) -> Sequence[HubEvent]:
    return [
        HubEvent(json.dumps(readings).encode(), "demo", "0", number, now, asset, {}, {})
        for number, (asset, readings) in enumerate(DEMO.items())
    ]
