"""The Bicep checker finds what a deployment would refuse: each sound file below is broken in one way, and each break is
found by the rule that is for it."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.bicep.checker import findings_in
from checks.bicep.declarations import declarations
from checks.bicep.parameters import unfit_parameter_file
from checks.bicep.scripts import scripts_out_of_order
from checks.bicep.source import Source
from checks.findings import Finding

MODULE = """@description('Name of the namespace.')
@minLength(6)
@maxLength(50)
param name string

@description('Region.')
param location string

@description('Tier.')
@allowed(['Standard', 'Premium'])
param sku string = 'Standard'

var topology = loadJsonContent('names.json')
var hubs = items(topology.hubs)

resource namespace 'Microsoft.EventHub/namespaces@2024-01-01' = {
  name: name
  location: location
  sku: { name: sku, tier: 'Standard', capacity: 1 }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
  }
}

resource eventHubs 'Microsoft.EventHub/namespaces/eventhubs@2024-01-01' = [
  for hub in hubs: {
    parent: namespace
    name: hub.key
    properties: { retentionDescription: { cleanupPolicy: 'Delete', retentionTimeInHours: 168 } }
  }
]

resource endpoint 'Microsoft.DigitalTwins/digitalTwinsInstances/endpoints@2023-01-31' = {
  name: '${name}/${topology.hubs['first'].route}'
  properties: {
    endpointType: 'EventHub'
    authenticationType: 'IdentityBased'
    endpointUri: namespace.properties.serviceBusEndpoint
    entityPath: join(map(filter(hubs, hub => hub.value.kept && !empty(hub.key)), hub => hub.key), ',')
  }
  dependsOn: [eventHubs]
}

output id string = namespace.id
"""
ENTRY = """targetScope = 'subscription'

@description('Region.')
@allowed(['eastus'])
param location string

@description('How many.')
@minValue(1)
@maxValue(40)
param count int = 1

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-${count}'
  location: location
}

module hubs 'app/hubs.bicep' = {
  scope: group
  params: {
    name: 'namespace1'
    location: location
  }
}

output hubsId string = hubs.outputs.id
"""
EXISTING = "resource cluster 'Microsoft.Kusto/clusters@2024-04-13' existing = {\n"
NAMES = {"hubs": {"first": {"route": "r", "kept": True}}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app").mkdir()
    (tmp_path / "app/names.json").write_text(json.dumps(NAMES))
    (tmp_path / "app/hubs.bicep").write_text(MODULE)
    (tmp_path / "main.bicep").write_text(ENTRY)
    return tmp_path


def check(folder: Path) -> list[Finding]:
    module = Source(folder / "app/hubs.bicep", "infra/app/hubs.bicep")
    entry = Source(folder / "main.bicep", "infra/main.bicep")
    return [*findings_in(module), *findings_in(entry)]


def test_sound_files_have_no_finding(folder: Path) -> None:
    assert check(folder) == []


@pytest.mark.parametrize(
    ("sound", "broken", "code"),
    [
        ("  location: location\n  sku", "  locatoin: location\n  sku", "property"),
        ("disableLocalAuth: true", "disableLocalAuthentication: true", "property"),
        ("retentionTimeInHours: 168", "retentionInHours: 168", "property"),
        ("namespace.properties.serviceBusEndpoint", "namespace.properties.serviceBusUri", "property"),
        ("sku: { name: sku, tier: 'Standard', capacity: 1 }", "sku: { tier: 'Standard' }", "required"),
        ("    endpointType: 'EventHub'\n", "", "required"),
        ("  name: name\n", "", "required"),
        ("endpointType: 'EventHub'", "endpointType: 'EventHubs'", "enum"),
        ("tier: 'Standard'", "tier: 'Standart'", "enum"),
        ("cleanupPolicy: 'Delete'", "cleanupPolicy: 'Drop'", "enum"),
        ("minimumTlsVersion: '1.2'", "minimumTlsVersion: '1.4'", "enum"),
        ("disableLocalAuth: true", "disableLocalAuth: 'true'", "type"),
        ("capacity: 1", "capacity: '1'", "type"),
        ("disableLocalAuth: true", "disableLocalAuth: true\n    provisioningState: 'Succeeded'", "read-only"),
        ("eventhubs@2024-01-01", "eventhubs@2024-01-02", "resource"),
        ("Microsoft.EventHub/namespaces@", "Microsoft.EventHubs/namespaces@", "resource"),
        ("@maxLength(50)\n", "", "length"),
        ("@maxLength(50)", "@maxLength(51)", "length"),
        ("parent: namespace", "parent: namespaces", "name"),
        ("dependsOn: [eventHubs]", "dependsOn: [eventHub]", "name"),
        ("name: hub.key\n", "name: hubb.key\n", "name"),
        ("hub => hub.value.kept", "hub => hubb.value.kept", "name"),
        ("items(topology.hubs)", "item(topology.hubs)", "name"),
        ("@minLength(6)", "@minimumLength(6)", "name"),
        ("var hubs", "var hubs = []\nvar hubs", "name"),
        ("output id", "var unused = 1\n\noutput id", "unused"),
        ("loadJsonContent('names.json')", "loadJsonContent('../names.json')", "file"),
        ("topology.hubs['first']", "topology.hubs['second']", "json"),
        ("items(topology.hubs)", "items(topology.hub)", "json"),
        ("'Delete', retention", "'Delete' retention", "syntax"),
        ("    properties: { retention", "    properties: retention", "syntax"),
        ("name: hub.key", "name: 'twin-events'", "topology"),
        ("${topology.hubs['first'].route}", "telemetry", "topology"),
        ("@description('Region.')\n", "", "parameter"),
        ("param sku string = 'Standard'", "param sku string = 'Basic'", "value"),
        ("    parent: namespace\n", "", "required"),
        ("'${name}/${topology", "'${topology", "required"),
        ("endpointType: 'EventHub'", "endpointType: sku\n    entitiyPath: ''", "property"),
        (
            "var hubs = items(topology.hubs)",
            "var hubs = [{ key: 'a', value: {} }, { kye: 'b', value: {} }]",
            "property",
        ),
        ("  location: location\n", "  location: location\n  location: location\n", "property"),
        ("output id", EXISTING + "  name: name\n  nam: 1\n}\n\noutput id", "property"),
        ("output id", EXISTING + "}\n\noutput id", "required"),
    ],
)
def test_a_broken_module_is_found(folder: Path, sound: str, broken: str, code: str) -> None:
    assert sound in MODULE
    (folder / "app/hubs.bicep").write_text(MODULE.replace(sound, broken, 1))

    found = check(folder)

    assert code in {finding.code for finding in found}, found


@pytest.mark.parametrize(
    ("sound", "broken", "code"),
    [
        ("app/hubs.bicep", "app/hub.bicep", "module"),
        ("    name: 'namespace1'\n", "", "module"),
        ("    name: 'namespace1'", "    nam: 'namespace1'", "module"),
        ("  scope: group\n", "  scopes: group\n", "property"),
        ("    name: 'namespace1'", "    name: 'short'", "value"),
        ("    name: 'namespace1'", "    name: 12345678", "value"),
        ("    name: 'namespace1'", "    name: count", "value"),
        ("    name: 'namespace1'", "    name: 'namespace1'\n    sku: count == 1 ? 'Standard' : 'Basic'", "value"),
        ("    name: 'namespace1'", "    name: 'namespace1'\n    sku: ['Standard']", "value"),
        ("param count int = 1", "param count int = 41", "value"),
        ("param count int = 1", "param count int = 'one'", "value"),
        ("hubs.outputs.id", "hubs.outputs.ids", "module"),
        ("module hubs", "module hub", "name"),
        ("@allowed(['eastus'])\n", "", "parameter"),
        ("@maxValue(40)\n", "", "parameter"),
        ("@description('How many.')\n", "", "parameter"),
    ],
)
def test_a_broken_entry_is_found(folder: Path, sound: str, broken: str, code: str) -> None:
    assert sound in ENTRY
    (folder / "main.bicep").write_text(ENTRY.replace(sound, broken, 1))

    found = check(folder)

    assert code in {finding.code for finding in found}, found


def test_a_finding_says_the_place_in_its_file(folder: Path) -> None:
    (folder / "main.bicep").write_text(ENTRY.replace("hubs.outputs.id", "hubs.outputs.ids"))

    assert [str(finding) for finding in check(folder)] == [
        "infra/main.bicep:25:24: module: hubs.bicep has no output 'ids'"
    ]


def test_a_json_file_is_looked_into_through_any(folder: Path) -> None:
    loose = MODULE.replace("loadJsonContent('names.json')", "any(loadJsonContent('names.json'))")
    (folder / "app/hubs.bicep").write_text(loose.replace("topology.hubs['first'].route", "topology.hubs.first.rout"))

    assert [finding.message for finding in check(folder)] == ["names.json has no hubs.first.rout"]


def test_a_variable_stands_for_what_it_was_given(folder: Path) -> None:
    with_variable = MODULE.replace("properties: { retentionDescription", "properties: { wrong: 1, retentionDescription")
    moved = with_variable.replace("    properties: { wrong", "    properties: shape\n    //").replace(
        "var hubs", "var shape = { retention: 1 }\nvar hubs"
    )
    (folder / "app/hubs.bicep").write_text(moved)

    assert [(finding.code, finding.message) for finding in check(folder)] == [
        ("property", "eventHubs.properties has no property 'retention'; is it 'retentionDescription'?")
    ]


def test_a_script_left_out_or_out_of_order_is_found(tmp_path: Path) -> None:
    (tmp_path / "infra/app").mkdir(parents=True)
    (tmp_path / "kql").mkdir()
    for name in ("010-one", "020-two", "030-three"):
        (tmp_path / f"kql/{name}.kql").write_text(".create table T (x: long)")

    def found(*names: str) -> list[str]:
        lines = [f"  {{ name: '{name}', content: loadTextContent('../../kql/{name}.kql') }}" for name in names]
        path = tmp_path / "infra/app/data-explorer.bicep"
        path.write_text("var scripts = [\n" + "\n".join(lines) + "\n]\n")
        return [finding.message for finding in scripts_out_of_order([Source(path, path.name)], tmp_path)]

    assert found("010-one", "020-two", "030-three") == []
    assert found("010-one", "030-three") == ["kql/020-two.kql is run by no script resource"]
    assert found("020-two", "010-one", "030-three") == ["the scripts run as 020-two.kql, 010-one.kql, 030-three.kql"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"location": "${AZURE_LOCATION}", "count": "${COUNT=2}"}, []),
        ({"location": "${AZURE_LOCATION=eastus}"}, []),
        ({"location": "${AZURE_LOCATION=mars}"}, ["'location': 'mars' is not one of eastus"]),
        ({"location": "${AZURE_LOCATION}", "cuont": "2"}, ["infra/main.bicep has no parameter 'cuont'"]),
        ({"count": "2"}, ["'location' has no default in infra/main.bicep, and no value"]),
    ],
)
def test_azds_parameters_fit_those_of_the_entry(folder: Path, values: dict[str, str], said: list[str]) -> None:
    entry = Source(folder / "main.bicep", "infra/main.bicep")
    text = json.dumps({"parameters": {name: {"value": value} for name, value in values.items()}})

    assert [each.message for each in unfit_parameter_file(entry, declarations(entry), text)] == said


FRAGMENTS = st.sampled_from(
    ["'", "${", "}", "[", "for x in y: ", "if (", "any(", "\n", "parent: ", "@", "''", "=>", "é", ""]
)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(MODULE)), st.integers(0, 60), FRAGMENTS)
def test_a_garbled_file_is_answered_with_findings(start: int, length: int, fragment: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "hubs.bicep"
        path.write_text(MODULE[:start] + fragment + MODULE[start + length :])
        (Path(folder) / "names.json").write_text(json.dumps(NAMES))

        for finding in findings_in(Source(path, "hubs.bicep")):
            assert finding.line >= 1
