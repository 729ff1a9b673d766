"""Timers that write their firings to the file RECORD."""

import json
import os
from pathlib import Path

import azure.functions as func

app = func.FunctionApp()


def _record(function: str, timer: func.TimerRequest) -> None:
    with Path(os.environ["RECORD"]).open("a") as record:
        line = {
            "function": function,
            "host": os.environ.get("HOST_NAME", ""),
            "past_due": timer.past_due,
            "status": timer.schedule_status,  # type: ignore[attr-defined]
        }
        record.write(json.dumps(line) + "\n")


@app.timer_trigger(schedule="*/1 * * * * *", arg_name="timer")
def each_second(timer: func.TimerRequest) -> None:
    _record("each_second", timer)


@app.timer_trigger(schedule="0 0 3 1 1 *", arg_name="timer")
def yearly(timer: func.TimerRequest) -> None:
    _record("yearly", timer)


@app.timer_trigger(schedule="12:00:00", arg_name="timer", run_on_startup=True, use_monitor=False)
def at_start(timer: func.TimerRequest) -> None:
    _record("at_start", timer)


@app.timer_trigger(schedule="every now and then", arg_name="timer")
def wrong(timer: func.TimerRequest) -> None:
    raise AssertionError("its schedule can't be read")
