"""What this project deploys: its Bicep, its roles, its settings, and what its alerts and names refer to."""

import json
import re
from pathlib import Path

import pytest

from checks.access.assignments import unfit_assignments
from checks.access.grants import grants, unfit_grants
from checks.access.needs import HUB_OF, needs, unknown_operations
from checks.access.rights import roles_of
from checks.access.triggers import triggers
from checks.bicep.checker import findings
from checks.bicep.contracts import contract_of
from checks.bicep.declarations import declarations
from checks.bicep.resources import resources
from checks.bicep.source import PROJECT, Source, sources, walk
from checks.findings import Finding
from checks.kql.checker import Checker, Text
from checks.settings import unfit_settings
from shared.consumers import observation
from shared.gateways.errors import Unavailable

UNIQUE = 13
"""Characters that uniqueString() makes."""
TOPOLOGY = json.loads((PROJECT / "topology.json").read_text())
ROLES = json.loads((PROJECT / "infra/roles.json").read_text())


LOG_ANALYTICS = """
.create-merge table AppMetrics (TimeGenerated: datetime, Name: string, Sum: real, Max: real, Properties: dynamic)

.create-merge table AppTraces (TimeGenerated: datetime, Message: string, SeverityLevel: int, Properties: dynamic)

.create-merge table FailedIngestion (TimeGenerated: datetime, Database: string, Table: string, Details: string)
"""
"""Of the tables that the alerts ask, the columns they use (Azure Monitor reference, "Tables")."""


def listed(found: list[Finding]) -> str:
    return "\n".join(map(str, found))


def test_the_bicep_is_what_azure_takes() -> None:
    found = findings()

    assert not found, listed(found)


def test_every_call_has_its_role_and_every_role_its_call() -> None:
    found = [*unknown_operations(), *unfit_grants(grants(), needs()), *unfit_assignments(sources(), grants())]

    assert not found, listed(found)


def test_every_setting_of_the_app_is_set_in_azure_and_in_the_sample() -> None:
    found = list(unfit_settings())

    assert not found, listed(found)


def test_roles_are_given_by_name_and_each_name_has_one_id() -> None:
    by_name = {
        each.role
        for each in grants()
        if each.service != "cosmos" and (each.service, each.resource) != ("dataExplorer", "database")
    }

    assert by_name == set(ROLES)
    assert len(set(ROLES.values())) == len(ROLES)
    assert all(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", each) for each in ROLES.values())


def test_cosmos_roles_are_all_given() -> None:
    assert {each.role for each in grants() if each.service == "cosmos"} == set(roles_of("cosmos"))


def test_no_key_is_read_and_local_authentication_is_off() -> None:
    texts = {source.name: source.path.read_text() for source in sources()}

    assert not [name for name, text in texts.items() if re.search(r"listKeys|listAccountSas|connectionString:", text)]
    for module, switch in {
        "cosmos": "disableLocalAuth: true",
        "event-hubs": "disableLocalAuth: true",
        "iot-hub": "disableLocalAuth: true",
        "monitoring": "DisableLocalAuth: true",
        "storage": "allowSharedKeyAccess: false",
    }.items():
        assert switch in texts[f"infra/app/{module}.bicep"]


def test_triggers_name_hubs_and_groups_of_topology() -> None:
    groups = [(HUB_OF[each.hub], each.group) for each in triggers() if each.kind == "eventHubTrigger"]

    assert groups
    assert all(group in TOPOLOGY["eventHubs"][hub]["consumerGroups"] for hub, group in groups)
    assert len(set(groups)) == len(groups), "two functions that share a group take each other's events"


def test_instances_are_kept_ready_for_functions_that_there_are() -> None:
    text = (PROJECT / "infra/app/function-app.bicep").read_text()
    kept_ready = set(re.findall(r"'(\w+)'", text.split("var triggers = [")[1].split("]")[0])) - {"parallel"}

    assert kept_ready == {each.function for each in triggers()}


def test_alerts_ask_for_metrics_that_the_app_reports() -> None:
    reported = set(re.findall(r'"(\w+)": "', Path(observation.__file__).read_text())) | {"lag"}
    asked = set(re.findall(r"iot\.telemetry\.(\w+)", (PROJECT / "infra/app/alerts.bicep").read_text()))

    assert asked == {"dead_lettered", "lag"}
    assert asked <= reported


def test_alerts_ask_in_kql_that_log_analytics_understands(checker: Checker) -> None:
    source = Source(PROJECT / "infra/app/alerts.bicep", "alerts.bicep")
    texts = [source.literal(node) for node in walk(source.root) if source.text(node).startswith("'''")]
    queries = [Text("alerts.bicep", 1, text) for text in texts if text]

    _, schema = checker.scripts("logs", [Text("tables.kql", 1, LOG_ANALYTICS)])
    found, _ = checker.queries(queries)

    assert len(queries) == 5
    assert set(schema.tables) == {"AppMetrics", "AppTraces", "FailedIngestion"}
    assert not found, [str(each) for each in found]
    assert all("Measured = " in query.text and "Function" in query.text for query in queries)


def test_the_outage_alert_finds_what_the_app_logs(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(Unavailable), observation.invocation("store_telemetry", []):
        raise Unavailable("Cosmos DB", TimeoutError("no answer"))

    (message,) = caplog.messages
    query = (PROJECT / "infra/app/alerts.bicep").read_text()
    assert f"Message startswith '{message[:11]}'" in query
    assert json.loads(message).keys() >= {"function", "unavailable"}
    assert "Message has 'unavailable'" in query


def test_every_alert_of_the_promise_is_there() -> None:
    text = (PROJECT / "infra/app/alerts.bicep").read_text()
    names = set(re.findall(r"name: '([\w-]+)'", text))

    assert names >= {"dead-letters-appear", "ingestion-failures"}
    assert names >= {"hub-lag", "change-feed-lag", "service-away", "telemetry-unread", "data-connection-lag"}
    assert names >= {"event-hubs", "cosmos", "storage", "digital-twins", "iot-hub"}
    assert "retentionHours * 3600 / 4" in text
    assert "topology.cosmos.containers.telemetry.defaultTtl / 4" in text


def test_names_fit_the_limits_of_their_resources() -> None:
    abbreviations = json.loads((PROJECT / "infra/abbreviations.json").read_text())
    main = next(source for source in sources() if source.name == "infra/main.bicep")
    made = re.findall(
        r"module \w+ '([^']+)'|(\w+): '\$\{abbreviations\.(\w+)\}\$\{resourceToken\}'", main.path.read_text()
    )
    checked = 0
    for index, (_, parameter, abbreviation) in enumerate(made):
        if parameter:
            file = next(path for path, _, _ in reversed(made[:index]) if path)
            module = Source(PROJECT / "infra" / file, file)
            contract = contract_of(module, declarations(module).of("param")[parameter])
            low, high = contract.limits["minLength"], contract.limits["maxLength"]
            length = len(abbreviations[abbreviation]) + UNIQUE
            assert low <= length <= high, f"{file}: {parameter} has {length} characters"
            checked += 1
    assert checked >= 14


def test_every_abbreviation_is_used() -> None:
    text = (PROJECT / "infra/main.bicep").read_text()

    for name in json.loads((PROJECT / "infra/abbreviations.json").read_text()):
        assert f"abbreviations.{name}}}" in text


def test_the_docs_name_every_choice_that_azd_passes_on() -> None:
    text = (PROJECT / "docs/deployment.md").read_text()
    passed_on = re.findall(r"\$\{(\w+)", (PROJECT / "infra/main.parameters.json").read_text())

    assert [name for name in passed_on if not name.startswith("AZURE_") and f"`{name}`" not in text] == []


def test_each_resource_type_is_taken_from_the_published_types() -> None:
    used = {each.full_type for source in sources() for each in resources(source)}

    assert len(used) > 40
    assert {each.partition("/")[0] for each in used} >= {
        "Microsoft.Devices",
        "Microsoft.DigitalTwins",
        "Microsoft.DocumentDB",
        "Microsoft.EventHub",
        "Microsoft.Insights",
        "Microsoft.Kusto",
        "Microsoft.Network",
        "Microsoft.Storage",
        "Microsoft.Web",
    }


def test_the_role_table_of_the_docs_is_that_of_the_grants() -> None:
    text = (PROJECT / "docs/deployment.md").read_text()
    rows = {tuple(cell.strip() for cell in line.strip("|").split("|")) for line in text.splitlines() if "|" in line}

    assert {(each.principal, f"{each.service}/{each.resource}", each.role, each.why) for each in grants()} <= rows
