"""What each policy's value looks like in a command: JSON, or the policy's own short form."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from duckdb_kql.params import parse_timespan

from local.data_explorer.commands.reader import CommandReader
from local.data_explorer.commands.tokens import Kind
from local.data_explorer.errors import KustoError


@dataclass(frozen=True)
class PolicyForm:
    """`title` is the policy's name in results; `read` takes its value from a command."""

    title: str
    read: Callable[[CommandReader], Any]


def merged(before: Any, value: Any) -> Any:
    """What `.alter-merge` makes of a policy: an object's members replaced one by one, a list made longer."""
    if isinstance(before, dict) and isinstance(value, dict):
        return {**before, **value}
    if isinstance(before, list) and isinstance(value, list):
        return before + value
    return value


def _json(reader: CommandReader) -> Any:
    text = reader.strings() if reader.token.kind is Kind.STRING else reader.bracketed()
    try:
        return json.loads(text)
    except ValueError as error:
        raise KustoError(f"The policy's value is not JSON: {error}") from error


def _retention(reader: CommandReader) -> Any:
    """`softdelete = 30d recoverability = enabled`, or JSON."""
    if reader.token.kind is Kind.STRING or reader.is_words("{"):
        return _json(reader)
    value: dict[str, str] = {}
    while not reader.is_at_end:
        if reader.accept("softdelete", "="):
            value["SoftDeletePeriod"] = timespan_text_of(_word(reader))
        elif reader.accept("recoverability", "="):
            value["Recoverability"] = _word(reader).capitalize()
        else:
            reader.mistake("softdelete or recoverability")
    return value


def _caching(reader: CommandReader) -> Any:
    """`hot = 7d`, `hotdata = 7d hotindex = 7d`, or JSON; hot windows are kept as they stand."""
    if reader.token.kind is Kind.STRING or reader.is_words("{"):
        return _json(reader)
    value: dict[str, Any] = {}
    while not reader.is_at_end:
        if reader.accept("hot", "="):
            span = timespan_text_of(_word(reader))
            value = {"DataHotSpan": {"Value": span}, "IndexHotSpan": {"Value": span}}
        elif reader.accept("hotdata", "="):
            value["DataHotSpan"] = {"Value": timespan_text_of(_word(reader))}
        elif reader.accept("hotindex", "="):
            value["IndexHotSpan"] = {"Value": timespan_text_of(_word(reader))}
        elif reader.accept(",") or reader.accept("hot_window", "="):
            value.setdefault("HotWindows", []).append(reader.value_until(","))
        else:
            reader.mistake("hot, hotdata, hotindex or hot_window")
    return value


def _switch(reader: CommandReader) -> Any:
    """`enable`, `disable`, or JSON."""
    if reader.accept("enable"):
        return {"IsEnabled": True, "HintAllocatedRate": None}
    if reader.accept("disable"):
        return {"IsEnabled": False, "HintAllocatedRate": None}
    return _json(reader)


def _truth(reader: CommandReader) -> Any:
    if reader.accept("true"):
        return {"IsEnabled": True}
    if reader.accept("false"):
        return {"IsEnabled": False}
    return _json(reader)


def _word(reader: CommandReader) -> str:
    """One value: a string's, or a literal such as `30d` or `1.02:00:00`."""
    if reader.token.kind is Kind.STRING:
        return reader.string()
    token = reader.take()
    text, end = token.text, token.end
    while reader.token.start == end and not reader.is_at_end:
        token = reader.take()
        text, end = text + token.text, token.end
    return text


def timespan_text_of(literal: str) -> str:
    """`30d` as the service shows it: `30.00:00:00`. Raises KustoError."""
    span = parse_timespan(literal)
    if span is None:
        raise KustoError(f"'{literal}' is not a timespan.")
    clock = f"{span.seconds // 3600:02}:{span.seconds // 60 % 60:02}:{span.seconds % 60:02}"
    return f"{span.days}.{clock}" if span.days else clock


POLICIES = {
    "update": PolicyForm("UpdatePolicy", _json),
    "retention": PolicyForm("RetentionPolicy", _retention),
    "caching": PolicyForm("CachingPolicy", _caching),
    "ingestionbatching": PolicyForm("IngestionBatchingPolicy", _json),
    "streamingingestion": PolicyForm("StreamingIngestionPolicy", _switch),
    "ingestiontime": PolicyForm("IngestionTimePolicy", _truth),
    "merge": PolicyForm("ExtentsMergePolicy", _json),
    "sharding": PolicyForm("ShardingPolicy", _json),
    "partitioning": PolicyForm("PartitioningPolicy", _json),
    "encoding": PolicyForm("EncodingPolicy", _json),
    "row_level_security": PolicyForm("RowLevelSecurityPolicy", _switch),
    "restricted_view_access": PolicyForm("RestrictedViewAccessPolicy", _truth),
    "auto_delete": PolicyForm("AutoDeletePolicy", _json),
    "roworder": PolicyForm("RowOrderPolicy", _json),
    "extent_tags_retention": PolicyForm("ExtentTagsRetentionPolicy", _json),
    "managed_identity": PolicyForm("ManagedIdentityPolicy", _json),
}
"""row_level_security, restricted_view_access, partitioning and the like are kept and shown; nothing acts on them."""
