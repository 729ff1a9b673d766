"""row_window_session's starts of sessions, which depend on all rows before.

Learn, "row_window_session()".
"""

from typing import Any

import pyarrow as pa

from local.data_explorer.kql.python_functions import PythonFunction


def session_starts(times: list[int | None], restarts: list[bool | None], longest: int, apart: int) -> list[int | None]:
    """The start of each time's session, in order; all in nanoseconds.

    A session ends at a restart, `longest` after its start, `apart` after its last time, and at a null.
    """
    starts: list[int | None] = []
    start: int | None = None
    before: int | None = None
    for time, restart in zip(times, restarts, strict=True):
        if time is None:
            start = None
        elif start is None or before is None or restart or time >= start + longest or time >= before + apart:
            start = time
        before = time
        starts.append(start)
    return starts


def _starts(times: Any, restarts: Any, longest: Any, apart: Any) -> pa.Array:
    columns = (times.to_pylist(), restarts.to_pylist(), longest.to_pylist(), apart.to_pylist())
    rows = [None if row[0] is None else session_starts(*row) for row in zip(*columns, strict=True)]
    return pa.array(rows, pa.list_(pa.int64()))


FUNCTIONS = (PythonFunction("kql_sessions", _starts, ("BIGINT[]", "BOOLEAN[]", "BIGINT", "BIGINT"), "BIGINT[]"),)
