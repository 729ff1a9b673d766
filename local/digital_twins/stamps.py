"""What the service gives to every change: a moment, and an etag."""

import datetime
import time
import uuid

_TICKS_PER_SECOND = 10_000_000


class Clock:
    """Moments in UTC to 100 ns, each later than the one before: the order of changes is the order of their moments."""

    def __init__(self) -> None:
        self._ticks = 0
        self._second = -1
        self._text = ""

    def now(self) -> str:
        """As the service writes it: 2020-06-23T19:03:48.9700792Z."""
        self._ticks = max(self._ticks + 1, time.time_ns() // 100)
        second, fraction = divmod(self._ticks, _TICKS_PER_SECOND)
        if second != self._second:
            self._second = second
            self._text = datetime.datetime.fromtimestamp(second, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._text}.{fraction:07d}Z"


def new_etag() -> str:
    return f'W/"{uuid.uuid4()}"'
