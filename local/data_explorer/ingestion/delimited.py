"""Delimited text (RFC 4180 and its kin with other separators) to records."""

import csv
import io

from local.data_explorer.ingestion.failures import IngestionRefused
from local.data_explorer.ingestion.json_records import decoded

SEPARATORS = {"csv": ",", "tsv": "\t", "psv": "|", "scsv": ";", "sohsv": "\x01"}
_LARGEST_FIELD = 64 * 1024 * 1024


def read_delimited(
    body: bytes, separator: str, *, ignore_first_record: bool, encoding: str = "utf-8-sig"
) -> tuple[list[list[str]], list[int]]:
    """The records' fields, and the 1-based line each began on. Blank lines are no records.

    Raises IngestionRefused: Stream_WrongNumberOfFields when the records differ in length, Stream_ClosingQuoteMissing
    when the text ends inside quotes, BadRequest_InvalidBlob when it is not text at all.
    """
    csv.field_size_limit(_LARGEST_FIELD)
    reader = csv.reader(io.StringIO(decoded(body, encoding), newline=""), delimiter=separator, strict=True)
    records: list[list[str]] = []
    lines: list[int] = []
    line = 1
    try:
        for fields in reader:
            if fields:
                records.append(fields)
                lines.append(line)
            line = reader.line_num + 1
    except csv.Error as error:
        raise _refusal(error, line) from error
    if ignore_first_record:
        del records[:1], lines[:1]
    _check_lengths(records, lines)
    return records, lines


def _refusal(error: csv.Error, line: int) -> IngestionRefused:
    if "unexpected end of data" in str(error):
        return IngestionRefused("Stream_ClosingQuoteMissing", f"The closing quote is missing of a field on line {line}")
    if "field larger" in str(error):
        return IngestionRefused("Stream_InputStreamTooLarge", f"A field is too large in the record at line {line}")
    return IngestionRefused("BadRequest_InvalidBlob", f"The record at line {line} is malformed: {error}")


def _check_lengths(records: list[list[str]], lines: list[int]) -> None:
    if not records:
        return
    expected = len(records[0])
    for fields, line in zip(records, lines, strict=True):
        if len(fields) != expected:
            raise IngestionRefused(
                "Stream_WrongNumberOfFields",
                f"The record at line {line} has {len(fields)} fields, the first one has {expected}",
            )
