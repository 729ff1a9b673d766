"""Bodies of every format to rows: rows in = rows out + failures, whatever the bytes."""

import gzip
import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.data_explorer.ingestion.failures import IngestionRefused
from local.data_explorer.ingestion.formats import Layout, format_name, read
from local.data_explorer.ingestion.mapping import parse_mapping
from tests.unit.data_explorer_ingestion.schemas import EVERY_TYPE, table

DATA = table(Data="dynamic")
WHOLE = parse_mapping('[{"column": "Data", "Properties": {"Path": "$"}}]')
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.lists(st.dictionaries(st.text(), JSON, max_size=4), min_size=1, max_size=5)


def sound(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line.decode()), dict)
    except ValueError:
        return False


def refused(body: bytes, format: str, **layout: object) -> str:
    with pytest.raises(IngestionRefused) as caught:
        read(body, EVERY_TYPE, Layout(format, **layout))  # type: ignore[arg-type]
    assert caught.value.permanent
    assert caught.value.code is not None
    return caught.value.code


@given(OBJECTS)
def test_json_whole_records_are_kept_as_they_came(objects: list[dict[str, object]]) -> None:
    lines = [json.dumps(each, ensure_ascii=False) for each in objects]
    sound = [line for line in lines if line.isprintable() or line.encode("utf-8", "ignore").decode() == line]

    reading = read("\n".join(sound).encode("utf-8"), DATA, Layout("json", WHOLE)) if sound else None

    assert reading is None or reading.rows["Data"].to_pylist() == sound


def test_digits_and_key_order_of_a_whole_record_stay() -> None:
    line = b'{"b": 1.10, "a": 12345678901234567890123, "c": 1e5, "x": 1e999}'

    reading = read(line, DATA, Layout("json", WHOLE))

    assert reading.rows["Data"].to_pylist() == [line.decode()]


@given(st.binary(max_size=200) | st.lists(st.sampled_from([b'{"a":1}', b"{", b"[1]", b"", b"\xff", b"null"])))
def test_json_lines_in_are_rows_out_plus_failures(given_body: bytes | list[bytes]) -> None:
    body = given_body if isinstance(given_body, bytes) else b"\n".join(given_body)
    try:
        reading = read(body, DATA, Layout("json", WHOLE))
    except IngestionRefused:
        assert not any(sound(line) for line in body.split(b"\n"))
        return
    lines = [line for line in body.removeprefix(b"\xef\xbb\xbf").split(b"\n") if line.strip()]
    assert reading.rows.num_rows + len(reading.malformed) == len(lines)


@given(st.binary(max_size=300), st.sampled_from(["json", "multijson", "csv", "tsv", "psv", "parquet"]))
def test_no_bytes_break_a_reader(body: bytes, format: str) -> None:
    try:
        reading = read(body, EVERY_TYPE, Layout(format))
    except IngestionRefused:
        return
    assert reading.rows.schema == EVERY_TYPE.arrow
    assert reading.rows.num_rows > 0


@given(OBJECTS, st.sampled_from([None, 2]), st.booleans())
def test_multijson_reads_arrays_and_runs_in_any_layout(
    objects: list[dict[str, object]], indent: int | None, as_array: bool
) -> None:
    texts = [json.dumps(each, indent=indent) for each in objects]
    body = "[" + " ,\n".join(texts) + "]" if as_array else "\n ".join(texts)
    try:
        reading = read(body.encode(), DATA, Layout("multijson", WHOLE))
    except IngestionRefused:
        assert "\\ud" in body  # a lone surrogate, which UTF-8 can't hold
        return
    assert reading.rows["Data"].to_pylist() == texts


@pytest.mark.parametrize("body", [b'{"a": 1', b'{"a": 1}{', b'[{"a": 1} {"a": 2}]', b'[{"a": 1},]', b"[1]", b"nope"])
def test_malformed_multijson_fails_as_a_whole(body: bytes) -> None:
    assert refused(body, "multijson") == "BadRequest_InvalidBlob"


def test_malformed_json_lines_are_left_out_and_listed() -> None:
    reading = read(b'{"a_long": 1}\n{"a_long": \n\n[2]\n{"a_long": 3}', EVERY_TYPE, Layout("json"))

    assert reading.rows["a_long"].to_pylist() == [1, 3]
    assert [each.split(":")[0] for each in reading.malformed] == ["line 2", "line 4"]


def test_deep_nesting_is_malformed_and_not_a_crash() -> None:
    deep = b'{"a":' * 5000 + b"1" + b"}" * 5000

    assert read(deep + b'\n{"a_int":1}', EVERY_TYPE, Layout("json")).malformed
    assert refused(deep, "multijson") == "BadRequest_InvalidBlob"


@pytest.mark.parametrize("format", ["json", "multijson", "csv"])
def test_nothing_to_ingest_is_refused(format: str) -> None:
    assert refused(b"\n\n", format) == "BadRequest_NoRecordsOrWrongFormat"


def test_fields_go_to_columns_of_their_name_and_what_does_not_fit_is_null() -> None:
    record = {
        "a_bool": True,
        "a_int": "7",
        "a_long": 2**63,
        "a_real": "warm",
        "a_decimal": 12.5,
        "a_string": 1,
        "a_datetime": "2025-02-04T11:24:52.9911021Z",
        "a_timespan": "00:00:01.5",
        "a_guid": "74be27de-1e4e-49d9-b579-fe0b331d3642",
        "a_dynamic": {"z": 1, "a": [None]},
        "unknown": "ignored",
    }

    row = read(json.dumps(record).encode(), EVERY_TYPE, Layout("json")).rows

    assert row["a_datetime"].cast(pa.int64()).to_pylist() == [1738668292991102100]
    assert row.drop_columns(["a_datetime"]).to_pylist() == [
        {
            "a_bool": True,
            "a_int": 7,
            "a_long": None,
            "a_real": None,
            "a_decimal": Decimal("12.5"),
            "a_string": "1",
            "a_timespan": timedelta(seconds=1.5),
            "a_guid": "74be27de-1e4e-49d9-b579-fe0b331d3642",
            "a_dynamic": '{"z":1,"a":[null]}',
        }
    ]


def test_a_record_without_fields_is_a_row_of_nulls() -> None:
    row = read(b"{}", EVERY_TYPE, Layout("json")).rows.to_pylist()[0]

    assert row.pop("a_string") == ""
    assert set(row.values()) == {None}


def test_mapping_takes_paths_constants_and_where_a_record_came_from() -> None:
    schema = table(Deep="long", Odd="string", Item="real", Fixed="string", Old="string", Uri="string", Line="long")
    elements = parse_mapping(
        json.dumps(
            [
                {"column": "Deep", "Properties": {"Path": "$.a.b"}},
                {"column": "Odd", "Properties": {"Path": "$['x y'].['z.w']"}},
                {"Column": "Item", "path": "$.list[1]", "datatype": "real"},
                {"column": "Fixed", "Properties": {"ConstValue": "k"}},
                {"column": "Old", "path": "constant too"},
                {"column": "Uri", "Properties": {"Transform": "SourceLocation"}},
                {"column": "Line", "Properties": {"Transform": "SourceLineNumber"}},
            ]
        )
    )
    body = b'{"a": {"b": 5}, "x y": {"z.w": "odd"}, "list": [1, 2.5]}\n\n{"a": [1], "list": {"1": 3}}'

    rows = read(body, schema, Layout("json", elements, source="https://somewhere/blob")).rows.to_pylist()

    fixed = {"Fixed": "k", "Old": "constant too", "Uri": "https://somewhere/blob"}
    assert rows == [
        {"Deep": 5, "Odd": "odd", "Item": 2.5, "Line": 1, **fixed},
        {"Deep": None, "Odd": "", "Item": None, "Line": 3, **fixed},
    ]


def test_mapping_transformations_of_bags() -> None:
    schema = table(Bag="dynamic", Rest="dynamic", Id="long")
    elements = parse_mapping(
        json.dumps(
            [
                {"column": "Bag", "Properties": {"Path": "$.pairs", "Transform": "PropertyBagArrayToDictionary"}},
                {"column": "Rest", "Properties": {"Path": "$", "Transform": "DropMappedFields"}},
                {"column": "Id", "Properties": {"Path": "$.id"}},
            ]
        )
    )

    rows = read(b'{"id": 1, "pairs": [{"a": 1.0}, {"b": 2}], "left": true}', schema, Layout("json", elements)).rows

    assert rows.to_pylist() == [{"Bag": '{"a":1.0,"b":2}', "Rest": '{"left":true}', "Id": 1}]


@pytest.mark.parametrize(
    ("mapping", "code"),
    [
        ("nonsense", "BadRequest_InvalidMapping"),
        ('{"column": "a_int"}', "BadRequest_InvalidMapping"),
        ('[{"path": "$.a"}]', "BadRequest_InvalidMapping"),
        ('[{"column": "a_int", "path": "$..a"}]', "BadRequest_InvalidMapping"),
        ('[{"column": "a_int", "Properties": {"Transform": "Guess"}}]', "BadRequest_InvalidMapping"),
        ('[{"column": "other", "path": "$.a"}]', "BadRequest_InconsistentMapping"),
    ],
)
def test_a_wrong_mapping_is_refused_with_its_code(mapping: str, code: str) -> None:
    with pytest.raises(IngestionRefused) as caught:
        read(b"{}", EVERY_TYPE, Layout("json", parse_mapping(mapping)))
    assert caught.value.code == code


def test_csv_is_rfc_4180_and_takes_columns_in_order() -> None:
    schema = table(Name="string", Count="long", Note="dynamic", Missing="real")
    body = b'name,count,note\r\n"a ""quoted""\r\nline",1,"{""x"": 1}"\r\nb,oops,plain\r\n'

    rows = read(body, schema, Layout("csv", ignore_first_record=True)).rows.to_pylist()

    assert rows == [
        {"Name": 'a "quoted"\r\nline', "Count": 1, "Note": '{"x": 1}', "Missing": None},
        {"Name": "b", "Count": None, "Note": '"plain"', "Missing": None},
    ]


def test_csv_mapping_takes_fields_by_position() -> None:
    elements = parse_mapping(
        '[{"column": "b", "Properties": {"Ordinal": "1"}}, {"column": "c", "Properties": {"ConstValue": "9"}}]'
    )

    rows = read(b"1|2\n3|4", table(a="long", b="long", c="long"), Layout("psv", elements)).rows

    assert rows.to_pylist() == [{"a": None, "b": 2, "c": 9}, {"a": None, "b": 4, "c": 9}]


def test_malformed_csv_fails_with_its_code() -> None:
    assert refused(b"1,2\n3", "csv") == "Stream_WrongNumberOfFields"
    assert refused(b'1,"2\n3', "csv") == "Stream_ClosingQuoteMissing"
    assert refused(b"\xff\xfe", "csv") == "BadRequest_InvalidBlob"


def test_parquet_goes_to_columns_by_name_and_type() -> None:
    body = io.BytesIO()
    pq.write_table(
        pa.table(
            {
                "a_datetime": pa.array([1738668292991102100], pa.timestamp("ns")),
                "a_long": pa.array([5], pa.int32()),
                "a_string": pa.array([2.5]),
                "a_real": pa.array(["4.25"]),
                "a_dynamic": pa.array([{"x": [1, None], "d": datetime(2025, 1, 1, tzinfo=UTC)}]),
                "a_timespan": pa.array([15_000_000], pa.int64()),
                "a_int": pa.array(["no"]),
                "a_bool": pa.array([True]),
            }
        ),
        body,
    )

    row = read(body.getvalue(), EVERY_TYPE, Layout("parquet")).rows

    assert row["a_datetime"].cast(pa.int64()).to_pylist() == [1738668292991102100]
    assert row.select(["a_long", "a_string", "a_real", "a_dynamic", "a_timespan", "a_int", "a_bool"]).to_pylist() == [
        {
            "a_long": 5,
            "a_string": "2.5",
            "a_real": 4.25,
            "a_dynamic": '{"x":[1,null],"d":"2025-01-01T00:00:00+00:00"}',
            "a_timespan": timedelta(seconds=1.5),
            "a_int": None,
            "a_bool": True,
        }
    ]


def test_parquet_mapping_reaches_into_structs_and_turns_unix_times() -> None:
    body = io.BytesIO()
    pq.write_table(pa.table({"s": pa.array([{"ms": 1738668292991}, None])}), body)
    elements = parse_mapping(
        '[{"column": "t", "Properties": {"Path": "$.s.ms", "Transform": "DateTimeFromUnixMilliseconds"}}]'
    )

    rows = read(body.getvalue(), table(t="datetime"), Layout("parquet", elements)).rows

    assert rows["t"].cast(pa.int64()).to_pylist() == [1738668292991000000, None]


@pytest.mark.parametrize("pack", [gzip.compress, lambda body: zipped({"one.json": body})])
def test_compressed_bodies_are_told_by_their_first_bytes(pack: "object") -> None:
    body: bytes = pack(b'{"a_int": 1}')  # type: ignore[operator]

    assert read(body, EVERY_TYPE, Layout("json")).rows["a_int"].to_pylist() == [1]


def test_archives_that_hold_no_single_file_are_refused() -> None:
    assert refused(zipped({}), "json") == "BadRequest_EmptyArchive"
    assert refused(zipped({"a": b"{}", "b": b"{}"}), "json") == "BadRequest_InvalidArchive"
    assert refused(gzip.compress(b"{}")[:-9], "json") == "BadRequest_InvalidArchive"


def test_formats_that_are_not_read_are_refused() -> None:
    assert refused(b"x", "avro") == "BadRequest_FormatNotSupported"
    assert format_name("MultiJSON") == "multijson"


def zipped(files: dict[str, bytes]) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return body.getvalue()
