"""Where an external table keeps a row: partitions rendered to a path, and read back from one.

Source: Microsoft Learn, "Create and alter Azure Storage external tables" (path format, virtual columns), and .NET's
custom date and time format strings, as far as a path can hold them.
"""

import re
from datetime import UTC, datetime

from local.data_explorer.errors import KustoError
from local.data_explorer.external.definitions import ExternalTable, Partition, PathPart
from local.data_explorer.ingestion.times import TICKS_PER_DAY, TICKS_PER_HOUR, TICKS_PER_MINUTE
from local.data_explorer.storage import literal, quoted

DEFAULT_PARTITION = "__DEFAULT_PARTITION__"
"""What the service writes for a value that is null or can't be a directory's name."""
_PLACES = {"yyyy": ("%Y", r"\d{4}"), "MM": ("%m", r"\d{2}"), "dd": ("%d", r"\d{2}")} | {
    "HH": ("%H", r"\d{2}"),
    "mm": ("%M", r"\d{2}"),
    "ss": ("%S", r"\d{2}"),
}
_TOKEN = re.compile(r"'([^']*)'|\\(.)|(yyyy|MM|dd|HH|mm|ss)|([A-Za-z])|([^A-Za-z'\\])")
_BRACED = re.compile(r"\{(yyyy|MM|dd|HH|mm|ss)\}|([^{}]+)")
_DEFAULT_FORMATS = {
    "startofyear": "yyyy",
    "startofmonth": "yyyy/MM",
    "startofweek": "yyyy/MM/dd",
    "startofday": "yyyy/MM/dd",
}
_TRUNCATED = {"startofyear": "year", "startofmonth": "month", "startofday": "day"}


def full_path(table: ExternalTable) -> tuple[PathPart, ...]:
    """The path format, the default one when none was given: partitions in order, one folder level each."""
    if table.path or not table.partitions:
        return table.path
    parts = [PathPart(partition=partition.name) for partition in table.partitions]
    return tuple(each for part in parts for each in (PathPart(text="/"), part))[1:]


def path_sql(table: ExternalTable) -> str:
    """SQL that gives a row's folder, from its columns; the empty text for a table without partitions."""
    pieces = [
        literal(part.text) if part.text else _rendered(_partition(table, part.partition), part.format)
        for part in full_path(table)
    ]
    return " || ".join(pieces) if pieces else "''"


def _partition(table: ExternalTable, name: str) -> Partition:
    found = next((partition for partition in table.partitions if partition.name == name), None)
    if found is None:
        raise KustoError(f"The path format of external table '{table.name}' names no partition: '{name}'")
    return found


def _rendered(partition: Partition, format: str) -> str:
    column = quoted(partition.column or partition.name)
    if partition.type == "datetime":
        moment = _moment(partition, f"{column}::TIMESTAMP")
        return (
            f"coalesce(strftime({moment}, {literal(_strftime(format or _default(partition)))}), '{DEFAULT_PARTITION}')"
        )
    if partition.function == "hash":
        return f"(hash({column}) % {partition.argument})::VARCHAR"
    safe = f"regexp_replace({column}::VARCHAR, '[\\\\/:*?\"<>|\\x00-\\x1f]', '_', 'g')"
    return f"coalesce(nullif(trim({safe}, ' .'), ''), '{DEFAULT_PARTITION}')"


def _moment(partition: Partition, column: str) -> str:
    if partition.function in _TRUNCATED:
        return f"date_trunc('{_TRUNCATED[partition.function]}', {column})"
    if partition.function == "startofweek":
        return f"date_trunc('day', {column}) - to_days(dayofweek({column})::INTEGER)"
    if partition.function == "bin":
        return f"make_timestamp(epoch_us({column}) - epoch_us({column}) % {partition.argument // 10})"
    return column


def _default(partition: Partition) -> str:
    if partition.function in _DEFAULT_FORMATS:
        return _DEFAULT_FORMATS[partition.function]
    if partition.function == "bin" and partition.argument < TICKS_PER_DAY:
        return "yyyy/MM/dd/HH" if partition.argument >= TICKS_PER_HOUR else "yyyy/MM/dd/HH/mm"
    return "yyyy/MM/dd"


def _tokens(format: str) -> list[tuple[str, str]]:
    """(place, literal) pairs of a .NET format, or of the form with places in braces. Raises KustoError."""
    if "{" in format:
        return [(found[1] or "", found[2] or "") for found in _BRACED.finditer(format)]
    tokens = []
    for found in _TOKEN.finditer(format):
        if found[4]:
            raise KustoError(f"Datetime format '{format}' has a place that a path can't: '{found[4]}'")
        tokens.append((found[3] or "", found[1] or found[2] or found[5] or ""))
    return tokens


def _strftime(format: str) -> str:
    return "".join(_PLACES[place][0] if place else text.replace("%", "%%") for place, text in _tokens(format))


def virtual_values(table: ExternalTable, name: str) -> dict[str, str | datetime | None]:
    """The virtual columns' values that a file's name tells; nulls when its folder doesn't follow the path format."""
    virtual = [partition for partition in table.partitions if not partition.function]
    if not virtual:
        return {}
    pattern, places = _pattern(table)
    found = re.match(pattern, name)
    values: dict[str, str | datetime | None] = {}
    for partition in virtual:
        text = "" if found is None else found[f"p_{partition.name}"]
        values[partition.name] = _value(partition, text, places.get(partition.name, ""))
    return values


def _pattern(table: ExternalTable) -> tuple[str, dict[str, str]]:
    """A regular expression for paths, with a group p_NAME for each partition, and the datetimes' strptime formats."""
    pattern, formats = "", {}
    for part in full_path(table):
        if part.text:
            pattern += re.escape(part.text)
            continue
        partition = _partition(table, part.partition)
        if partition.type == "datetime":
            format = part.format or _default(partition)
            inner = "".join(_PLACES[place][1] if place else re.escape(text) for place, text in _tokens(format))
            formats[partition.name] = _strftime(format)
        else:
            inner = "[^/]*?"
        pattern += f"(?P<p_{partition.name}>{inner})"
    return pattern + "/", formats


def _value(partition: Partition, text: str, format: str) -> str | datetime | None:
    if not text or text == DEFAULT_PARTITION:
        return None
    if partition.type != "datetime":
        return text
    try:
        return datetime.strptime(text, format).replace(tzinfo=UTC)
    except ValueError:
        return None


def bin_ticks(size: int) -> int:
    """Raises KustoError for a bin that no path can name."""
    if size < TICKS_PER_MINUTE:
        raise KustoError("A partition's bin can't be smaller than a minute")
    return size
