"""`settings write`: local.settings.json for running the app, and these operations, on a laptop against Azure."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from operations.surroundings import MISTAKE, console, errors
from shared import topology
from shared.settings import Settings, SettingsMistake

REQUIRED = (
    "AzureWebJobsStorage__accountName",
    "EventHubs__fullyQualifiedNamespace",
    "CosmosDB__accountEndpoint",
    "DIGITAL_TWINS_URL",
    "KUSTO_URI",
    "KUSTO_INGEST_URI",
)
"""What only the deployment knows: outputs of infra/main.bicep, which azd has in its environment."""
FIXED = {
    "FUNCTIONS_WORKER_RUNTIME": "python",
    "TELEMETRY_HUB": topology.TELEMETRY_HUB,
    "ANALYTICS_HUB": topology.ANALYTICS_HUB,
    "TWIN_EVENTS_HUB": topology.TWIN_EVENTS_HUB,
    "TWIN_HISTORY_HUB": topology.TWIN_HISTORY_HUB,
    "COSMOS_DATABASE": topology.COSMOS_DATABASE,
    "KUSTO_DATABASE": topology.KUSTO_DATABASE,
    "DEAD_LETTER_CONTAINER": topology.DEAD_LETTER_CONTAINER,
}
ROUTE = "ANALYTICS_ROUTE"
OF_THE_STACK = ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
"""What the local stack has put there: whom to ask for tokens, and whom to trust."""
settings = typer.Typer(help="The app's settings on this machine.", no_args_is_help=True)


@settings.callback()
def group() -> None:
    """The app's settings on this machine."""


@settings.command()
def write(
    file: Annotated[Path, typer.Option("--settings", help="what to write")] = Path("local.settings.json"),
) -> None:
    """Writes the settings for Azure, of what azd has in its environment. You sign in as yourself (`azd auth login`)."""
    try:
        write_whole(file, with_cloud_settings(read(file), os.environ))
    except SettingsMistake as mistake:
        errors.print(str(mistake), markup=False, soft_wrap=True)
        raise typer.Exit(MISTAKE) from mistake
    console.print(f"{file} now means the deployment in Azure; `make up` makes it mean the local stack again.")


def with_cloud_settings(known: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    """A settings file's content, pointed at the deployment. What it has besides the app's settings stays.

    Raises SettingsMistake, which names what the environment lacks.
    """
    missing = [name for name in REQUIRED if not environment.get(name)]
    if missing:
        raise SettingsMistake(
            f"{', '.join(missing)} not set: `azd provision` first, then `azd hooks run postprovision`, which runs this."
        )
    read_by_the_app = {str(each.validation_alias) for each in Settings.model_fields.values()}
    old = {
        name: value
        for name, value in known.get("Values", {}).items()
        if name not in read_by_the_app and name not in OF_THE_STACK
    }
    deployed = {name: environment[name] for name in (*REQUIRED, ROUTE) if environment.get(name)}
    return {"IsEncrypted": False, **known, "Values": {**old, **FIXED, **deployed}}


def read(file: Path) -> dict[str, Any]:
    """Raises SettingsMistake when there is something else than a settings file."""
    if not file.exists():
        return {}
    try:
        known = json.loads(file.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise SettingsMistake(f"{file} is no JSON ({error}): mend it, or move it away.") from error
    if not isinstance(known, dict) or not isinstance(known.get("Values", {}), dict):
        raise SettingsMistake(f"{file} is no settings file (an object with Values): mend it, or move it away.")
    return known


def write_whole(file: Path, content: Mapping[str, Any]) -> None:
    """Writes all of it or nothing."""
    beside = file.with_name(f"{file.name}.new")
    beside.write_text(json.dumps(content, indent=2) + "\n")
    beside.replace(file)
