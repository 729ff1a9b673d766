"""App settings: what shared/settings.py reads is set in Bicep and in local.settings.sample.json, and nothing else but
the host's own."""

import json
from collections.abc import Iterator
from pathlib import Path

from checks.bicep.declarations import declarations, value_of
from checks.bicep.source import PROJECT, Source
from checks.findings import Finding
from shared.settings import Settings

BICEP = Path("infra/app/function-app.bicep")
SAMPLE = Path("local.settings.sample.json")
VARIABLES = ("appSettings", "hostSettings", "premiumSettings")
"""The objects in Bicep that the app's settings are made of."""
KEYLESS = frozenset(
    ["AzureWebJobsStorage__accountName", "EventHubs__fullyQualifiedNamespace", "CosmosDB__accountEndpoint"]
)
"""Each connection's form in Azure. The sample has the connection's own name instead, with a connection string."""
HOST_IN_AZURE = {
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "telemetry by identity, not by the connection string's key",
    "AzureWebJobsStorage__clientId": "which identity the host takes for its own storage",
    "AzureWebJobsStorage__credential": "that it takes one",
    "CosmosDB__clientId": "which identity the change-feed trigger takes",
    "CosmosDB__credential": "that it takes one",
    "EventHubs__clientId": "which identity the Event Hubs triggers take",
    "EventHubs__credential": "that they take one",
    "FUNCTIONS_EXTENSION_VERSION": "the host's version (Elastic Premium; Flex Consumption has its own word for it)",
    "FUNCTIONS_WORKER_RUNTIME": "the language (Elastic Premium; Flex Consumption has its own word for it)",
    "WEBSITE_RUN_FROM_PACKAGE": "where the app's package is (Elastic Premium)",
    "WEBSITE_RUN_FROM_PACKAGE_BLOB_MI_RESOURCE_ID": "which identity reads it (Elastic Premium)",
}
HOST_ON_LAPTOP = {"FUNCTIONS_WORKER_RUNTIME": "the language, for `func start`"}


def read_by_the_app() -> frozenset[str]:
    """The name of every setting that shared/settings.py reads, in all of a connection's forms."""
    return frozenset(str(each.validation_alias) for each in Settings.model_fields.values())


def expected_in_azure() -> frozenset[str]:
    """A connection in its keyless form, everything else by its name."""
    connections = {name.partition("__")[0] for name in KEYLESS}
    others = {name for name in read_by_the_app() if name.partition("__")[0] not in connections}
    return KEYLESS | others


def expected_on_laptop() -> frozenset[str]:
    """A connection as a connection string, everything else by its name."""
    return frozenset(name for name in read_by_the_app() if "__" not in name)


def set_in_bicep(path: Path) -> dict[str, int]:
    """The settings that the module sets: name → line."""
    source = Source(path, path.name)
    variables = declarations(source).of("var")
    found: dict[str, int] = {}
    for name in VARIABLES:
        value = value_of(variables[name].node)
        assert value is not None
        found |= {key: node.start_point[0] + 1 for key, (node, _) in source.properties(value)[0].items()}
    return found


def set_in_sample(path: Path) -> dict[str, int]:
    lines = path.read_text().splitlines()
    values = json.loads(path.read_text())["Values"]
    return {name: next(number for number, line in enumerate(lines, 1) if f'"{name}"' in line) for name in values}


def unfit_settings(root: Path = PROJECT) -> Iterator[Finding]:
    in_azure, on_laptop = set_in_bicep(root / BICEP), set_in_sample(root / SAMPLE)
    yield from _differences(BICEP, in_azure, expected_in_azure(), frozenset(HOST_IN_AZURE))
    yield from _differences(SAMPLE, on_laptop, expected_on_laptop(), frozenset(HOST_ON_LAPTOP))


def _differences(
    file: Path, found: dict[str, int], expected: frozenset[str], host: frozenset[str]
) -> Iterator[Finding]:
    for name in sorted((expected | host) - set(found)):
        yield Finding(str(file), 1, 1, "setting", f"{name} is not set")
    for name in sorted(set(found) - expected - host):
        yield Finding(
            str(file), found[name], 1, "setting", f"{name} is read by nobody that checks/settings.py knows of"
        )
