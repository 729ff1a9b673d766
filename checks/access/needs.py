"""What each principal needs: the app and its operator by the calls of the code and its triggers, services by what Bicep
connects."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from checks.access.reach import gateways, gateways_used, path_of, reached
from checks.access.rights import SDKS
from checks.access.sdk_calls import Call, calls_of
from checks.access.triggers import triggers
from checks.bicep.source import PROJECT
from checks.findings import Finding

ACCOUNT = "account"
APP, OPERATIONS = "function_app", "operations.__main__"
HUB_OF = {"%TELEMETRY_HUB%": "telemetry", "%TWIN_EVENTS_HUB%": "twin-events"}
_LEASE_RIGHTS = ("items/create", "items/read", "items/replace", "items/upsert", "items/delete", "executeQuery")
_README = "az iot hub device-identity create"
"""How the README registers a device: the operator's own right."""


@dataclass(frozen=True)
class Need:
    """`resource` may be ACCOUNT; `why` says what needs it, and where."""

    principal: str
    service: str
    resource: str
    right: str
    why: str


@lru_cache(maxsize=1)
def topology() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PROJECT / "topology.json").read_text())
    return found


def needs() -> list[Need]:
    """Every right that somebody needs. An operator runs the app, too: on a laptop, against Azure."""
    app = [*_of_code("app", reached(APP)), *_of_triggers("app")]
    operator = [*_of_code("operator", reached(APP) | reached(OPERATIONS)), *_of_triggers("operator")]
    operator = [each for each in operator if each.service != "monitoring"]
    return list(dict.fromkeys([*app, *operator, *_of_readme(), *_of_services()]))


def unknown_operations() -> Iterator[Finding]:
    """Calls of SDK operations of which rights.py does not say what they need."""
    modules = reached(APP) | reached(OPERATIONS)
    used = {each.module for name in gateways_used(modules) if (each := gateways().get(name)) and each.module}
    for module in sorted(modules | used):
        for call in _calls(module):
            if call.operation not in SDKS[call.sdk].operations and not call.operation[0].isupper():
                message = f"{call.sdk}'s {call.operation}: say in checks/access/rights.py which right it needs"
                yield Finding(call.file, call.line, 1, "operation", message)


def _calls(module: str) -> Iterator[Call]:
    path = path_of(module)
    if path is not None:
        yield from calls_of(path)


def _of_code(principal: str, modules: set[str]) -> Iterator[Need]:
    for module in sorted(modules):
        for call in _calls(module):
            yield from _needs_of(principal, call, frozenset())
    for name in sorted(gateways_used(modules)):
        gateway = gateways().get(name)
        if gateway is not None and gateway.module is not None:
            for call in _calls(gateway.module):
                yield from _needs_of(principal, call, gateway.settings)


def _needs_of(principal: str, call: Call, settings: frozenset[str]) -> Iterator[Need]:
    sdk = SDKS[call.sdk]
    rights = sdk.operations.get(call.operation, frozenset()) | {f"items/{verb}" for verb in call.verbs}
    for right in sorted(rights):
        resource = ACCOUNT if right == "readMetadata" else _resource(sdk.service, settings)
        yield Need(principal, sdk.service, resource, right, f"{call.operation} in {call.file}")


def _resource(service: str, settings: frozenset[str]) -> str:
    """What of a service a gateway's settings name."""
    if service == "eventHubs":
        hubs = {name.removesuffix("_hub").replace("_", "-") for name in settings if name.endswith("_hub")}
        return next(iter(hubs & set(topology()["eventHubs"])))
    if service == "cosmos":
        return "telemetry"
    return {"storage": ACCOUNT, "digitalTwins": "instance", "dataExplorer": "database", "monitoring": "component"}[
        service
    ]


def _of_triggers(principal: str) -> Iterator[Need]:
    """What the host needs for the triggers (Functions, "Identity-based connections", "Cosmos DB trigger")."""
    for trigger in triggers():
        why = f"the trigger in {trigger.file}"
        if trigger.kind == "eventHubTrigger":
            yield Need(principal, "eventHubs", HUB_OF[trigger.hub], "receive", why)
        if trigger.kind == "cosmosDBTrigger":
            yield Need(principal, "cosmos", "telemetry", "readChangeFeed", why)
            yield from (Need(principal, "cosmos", "leases", right, why) for right in _LEASE_RIGHTS)
            for container in ("telemetry", "leases"):
                yield Need(principal, "cosmos", container, "readMetadata", why)
    yield Need(
        principal, "storage", ACCOUNT, "blobs/own", "AzureWebJobsStorage: the host's checkpoints, locks and keys"
    )


def _of_readme() -> Iterator[Need]:
    if _README in (PROJECT / "README.md").read_text() or _README in (PROJECT / "docs/deployment.md").read_text():
        yield Need("operator", "iotHub", "hub", "devices/write", f"`{_README}` in the README")


def _of_services() -> Iterator[Need]:
    """What one service does in another: topology.json says what is connected, the Bicep modules how."""
    named = topology()
    for route in named["iotHub"]["routes"].values():
        yield Need("iotHub", "eventHubs", route["hub"], "send", "the route in infra/app/iot-hub.bicep")
    for route in named["digitalTwins"]["routes"].values():
        yield Need("digitalTwins", "eventHubs", route["hub"], "send", "the endpoint in infra/app/twin-routes.bicep")
    yield from _of_data_history(named["digitalTwins"]["history"])
    yield from _of_data_explorer(named)
    yield Need("provisioning", "iotHub", "hub", "devices/write", "infra/app/device-provisioning.bicep")
    for right in ("blobs/write", "containers/write"):
        yield Need("capture", "storage", "capture", right, "captureDescription in infra/app/event-hubs.bicep")


def _of_data_history(history: dict[str, str]) -> Iterator[Need]:
    """`az dt data-history connection create` names these three as what a connection needs."""
    why = "dataHistory in infra/app/twin-routes.bicep"
    for right in ("send", "receive", "manage"):
        yield Need("digitalTwins", "eventHubs", history["hub"], right, why)
    yield Need("digitalTwins", "dataExplorer", "database", "admin", why)
    yield Need("digitalTwins", "dataExplorer", "resource", "resource", why)


def _of_data_explorer(named: dict[str, Any]) -> Iterator[Need]:
    why = "the data connection in infra/app/ingestion.bicep"
    explorer, containers = named["dataExplorer"], named["storage"]["containers"]
    for connection in (*explorer["dataConnections"].values(), *explorer["blobConnections"].values()):
        yield Need("dataExplorer", "eventHubs", connection["hub"], "receive", why)
    for connection in explorer["blobConnections"].values():
        yield Need("eventGrid", "eventHubs", connection["hub"], "send", "the notices in infra/app/ingestion.bicep")
        key = next(key for key, name in containers.items() if name == connection["container"])
        yield Need("dataExplorer", "storage", key, "blobs/read", why)
    yield Need("dataExplorer", "storage", "archive", "blobs/write", "the export of kql/080-archive.kql")
