"""What ingestion hands to a database, and what it gets back."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

import pyarrow as pa

from local.data_explorer.schema import TableSchema


@dataclass(frozen=True)
class Batch:
    """Rows for one table, to be appended in one transaction.

    `rows` holds columns of the table's schema by name (schema.TableSchema.arrow; an Arrow type that casts will do);
    a column left out is null. `source` is where they came from, for `.show ingestion failures` and extents.
    `creation_time` (UTC) is what retention counts from, now when None. A batch is skipped when an extent of the
    table carries one of `if_not_exists` as an `ingest-by:` tag already.
    """

    table: str
    rows: pa.Table
    tags: tuple[str, ...] = ()
    source: str = ""
    creation_time: datetime | None = None
    if_not_exists: tuple[str, ...] = ()


@dataclass(frozen=True)
class Checkpoint:
    """How far a data connection has read one partition of its hub: the last event appended."""

    connection: str
    partition: str
    sequence_number: int
    offset: str


@dataclass(frozen=True)
class Extent:
    """A data shard: the rows of a table that one append made."""

    id: str
    table: str
    rows: int
    tags: tuple[str, ...]
    created_on: datetime


@dataclass(frozen=True)
class IngestionFailure:
    """A row of `.show ingestion failures`. `kind` Permanent means that the same data would fail again."""

    operation_id: str
    table: str
    details: str
    error_code: str
    kind: Literal["Permanent", "Transient"] = "Permanent"
    operation_kind: str = "DataIngestPull"
    source: str = ""
    from_update_policy: bool = False
    properties: str = field(default="{}")


class ExternalTables(Protocol):
    """Where `external_table("E")` finds its columns and rows."""

    def schema(self, name: str) -> TableSchema:
        """Raises EntityNotFound."""
        ...

    def rows(self, name: str) -> pa.Table:
        """Raises KustoError when the files can't be read."""
        ...
