"""Timer triggers: firing, one host at a time, missed firings, and firing by hand."""

import json
from datetime import UTC, datetime, timedelta

import httpx
from azure.storage.blob import BlobServiceClient

from tests.contract.functions_host.conftest import Hosts
from tests.contract.functions_host.hosts import Record, eventually

HOST_ID = "AzureFunctionsWebHost__hostid"


def _fired(record: Record, function: str) -> list[dict[str, object]]:
    return [line for line in record.lines() if line["function"] == function]


def test_timers_fire_on_schedule_at_start_and_by_hand(hosts: Hosts, record: Record) -> None:
    host = hosts("clock")
    record.wait(lambda lines: sum(line["function"] == "each_second" for line in lines) >= 2)
    assert httpx.post(f"{host.url}/admin/functions/yearly", json={}).status_code == 202
    record.wait(lambda lines: any(line["function"] == "yearly" for line in lines))

    assert len(_fired(record, "at_start")) == 1
    assert not any(line["past_due"] for line in record.lines())
    assert _fired(record, "each_second")[0]["status"] == {}, "schedules below a minute are not monitored"
    assert "The 'wrong' function is in error: The schedule expression 'every now and then' was not" in host.output
    assert "(Reason='Timer fired at 20" in host.output
    assert host.terminate() == 0


def test_firing_that_every_host_missed_is_made_up_for_once(
    hosts: Hosts, record: Record, blobs: BlobServiceClient
) -> None:
    first = hosts("clock", **{HOST_ID: "missed"})
    status = blobs.get_blob_client("azure-webjobs-hosts", "timers/missed/Host.Functions.yearly/status")
    eventually(status.exists, lambda: first.output)
    assert first.terminate() == 0
    kept = json.loads(status.download_blob().readall())
    assert kept["Last"] == "0001-01-01T00:00:00"
    assert datetime.fromisoformat(kept["Next"]).timetuple()[1:6] == (1, 1, 3, 0, 0)

    year_ago = datetime.now(UTC).replace(month=1, day=1, hour=3, minute=0, second=0, microsecond=0)
    year_ago -= timedelta(days=366)
    year_ago = year_ago.replace(month=1, day=1)
    missed = {"Last": year_ago.isoformat(), "Next": year_ago.replace(year=year_ago.year + 1).isoformat()}
    status.upload_blob(json.dumps({**missed, "LastUpdated": year_ago.isoformat()}), overwrite=True)
    second = hosts("clock", **{HOST_ID: "missed"})
    record.wait(lambda lines: any(line["function"] == "yearly" for line in lines))

    assert [line["past_due"] for line in _fired(record, "yearly")] == [True]
    assert _fired(record, "yearly")[0]["status"]["Next"] == missed["Next"]  # type: ignore[index]
    assert "Function 'yearly' is past due on startup. Executing now." in second.output
    assert "UnscheduledInvocationReason: IsPastDue" in second.output
    eventually(
        lambda: datetime.fromisoformat(json.loads(status.download_blob().readall())["Next"]) > datetime.now(UTC),
        lambda: "the status was not brought up to date",
    )


def test_one_host_at_a_time_fires_and_another_goes_on_when_it_stops(hosts: Hosts, record: Record) -> None:
    first = hosts("clock", "--takeover", "2", HOST_NAME="first")
    record.wait(lambda lines: any(line["function"] == "each_second" for line in lines))
    hosts("clock", "--takeover", "2", HOST_NAME="second")
    seen = len(record.lines())
    record.wait(lambda lines: len(lines) >= seen + 3)
    assert {line["host"] for line in record.lines()} == {"first"}

    assert first.terminate() == 0
    record.wait(lambda lines: any(line["host"] == "second" for line in lines))
    assert {line["host"] for line in record.lines()[-1:]} == {"second"}
