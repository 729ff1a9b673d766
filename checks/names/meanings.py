"""Where a word that is also a name of topology.json means something else."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Meaning:
    """`word` in files at or below `path` is no name of topology.json, because it is `what`."""

    path: str
    word: str
    what: str


MEANINGS = (
    Meaning("shared/dead_letters/letters.py", "store", "a consumer, as letters name it"),
    Meaning("shared/dead_letters/letters.py", "twins", "a consumer, as letters name it"),
    Meaning("shared/dead_letters/letters.py", "propagate", "a consumer, as letters name it"),
    Meaning("shared/consumers/propagation.py", "propagate", "a consumer, as its memory names it"),
    Meaning("shared/twins/pacing.py", "propagate", "who has a share of the instance's rate"),
    Meaning("local/digital_twins", "twins", "a collection of the query language"),
    Meaning("local/digital_twins/operations.py", "telemetry", "a path of the REST API"),
    Meaning("local/digital_twins/outbox.py", "AdtPropertyEvents", "the service's own default name"),
    Meaning("local/digital_twins/outbox.py", "AdtTwinLifecycleEvents", "the service's own default name"),
    Meaning("local/digital_twins/outbox.py", "AdtRelationshipLifecycleEvents", "the service's own default name"),
    Meaning("local/functions_host/cosmos_listener.py", "leases", "the trigger's own default name"),
    Meaning("local/stack/proof.py", "Bronze", "a row's heading"),
    Meaning("operations/__main__.py", "dead-letters", "a command"),
    Meaning("operations/__main__.py", "twins", "a command"),
    Meaning("operations/rebuild.py", "silver", "a layer that can be rebuilt"),
    Meaning("operations/rebuild.py", "adx", "what can be rebuilt"),
    Meaning("operations/reconciliation/command.py", "Bronze", "a column's heading"),
    Meaning("operations/size/twins.py", "twins", "a figure's name"),
    Meaning("operations/size/stores.py", "Bronze", "a table of kql/, whose policies a test compares"),
    Meaning("kql", "BronzeMapping", "what a script creates; checks.kql holds topology.json to it"),
    Meaning("kql", "DeadLetterMapping", "what a script creates; checks.kql holds topology.json to it"),
    Meaning("kql", "silver", "a folder of the database"),
    Meaning("kql", "twins", "a folder of the database"),
)
