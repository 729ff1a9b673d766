"""Timer schedules: NCRONTAB expressions with or without seconds, and constant intervals.

Sources: NCrontab (all fields must match, days of month and of week too); webjobs-sdk-extensions, TimerSchedule.cs
and ScheduleMonitor.cs.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import CroniterBadCronError, CroniterError, croniter

from local.functions_host.durations import InvalidDuration, parse_duration
from local.functions_host.settings import MissingSetting, Settings

_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_DAYS = "sun|mon|tue|wed|thu|fri|sat"
_RANGES = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_PART = re.compile(rf"(?:\*|(\d+|{_MONTHS}|{_DAYS})(?:-(\d+|{_MONTHS}|{_DAYS}))?)(?:/(\d+))?", re.IGNORECASE)


class InvalidSchedule(MissingSetting):
    """A schedule that is neither NCRONTAB nor a TimeSpan; it puts its function in error."""


class Schedule(Protocol):
    """When a timer fires."""

    @property
    def is_frequent(self) -> bool:
        """Whether it fires more often than once a minute; such schedules are not monitored."""

    def following(self, moment: datetime) -> datetime:
        """The first occurrence after `moment`."""


@dataclass(frozen=True)
class CronSchedule:
    """An NCRONTAB expression, seconds first."""

    expression: str

    @property
    def is_frequent(self) -> bool:
        seconds, *others = self.expression.split()
        return all(field == "*" for field in others) and not seconds.isdecimal()

    def following(self, moment: datetime) -> datetime:
        found: datetime = croniter(
            self.expression, moment, ret_type=datetime, day_or=False, second_at_beginning=True
        ).get_next()
        return found


@dataclass(frozen=True)
class ConstantSchedule:
    """Every interval, counted from the last time."""

    interval: timedelta

    @property
    def is_frequent(self) -> bool:
        return self.interval < timedelta(minutes=1)

    def following(self, moment: datetime) -> datetime:
        return moment + self.interval


def parse_schedule(text: str) -> Schedule:
    """A schedule of `0 */5 * * * *`, `*/5 * * * *` or `00:05:00`. Raises InvalidSchedule."""
    fields = text.split()
    if len(fields) in (5, 6):
        expression = " ".join(fields if len(fields) == 6 else ["0", *fields]).lower()
        _check_fields(expression.split(), text)
        try:
            schedule = CronSchedule(expression)
            schedule.following(datetime.now(UTC))
        except (CroniterBadCronError, CroniterError, ValueError) as error:
            raise InvalidSchedule(_refusal(text)) from error
        return schedule
    try:
        interval = parse_duration(text)
    except InvalidDuration as error:
        raise InvalidSchedule(_refusal(text)) from error
    if interval <= timedelta(0):
        raise InvalidSchedule(_refusal(text))
    return ConstantSchedule(interval)


def zone_of(settings: Settings) -> tzinfo:
    """The time zone of schedules: WEBSITE_TIME_ZONE or TZ, else UTC, as in Azure. Raises InvalidSchedule."""
    name = settings.get("WEBSITE_TIME_ZONE") or settings.get("TZ")
    if name is None:
        return UTC
    try:
        return ZoneInfo(name.removeprefix(":"))
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise InvalidSchedule(
            f"{name!r} is no time zone: set WEBSITE_TIME_ZONE to one such as Europe/Berlin."
        ) from error


@dataclass(frozen=True)
class ScheduleStatus:
    """What is kept of a timer between hosts; `last` None: it has not fired yet under this schedule."""

    last: datetime | None
    next: datetime
    updated: datetime


def check_past_due(schedule: Schedule, known: ScheduleStatus | None, now: datetime) -> tuple[ScheduleStatus, bool]:
    """The status to go on with (new when nothing is known or the schedule changed), and whether a firing was missed."""
    if known is None:
        return ScheduleStatus(None, schedule.following(now), now), False
    base = known.last or known.updated
    expected = schedule.following(base)
    if known.next != expected:
        if now > expected:
            expected, base = schedule.following(now), now
        known = ScheduleStatus(None, expected, base)
    return known, now > known.next


def _check_fields(fields: list[str], text: str) -> None:
    for field, (low, high) in zip(fields, _RANGES, strict=True):
        for part in field.split(","):
            match = _PART.fullmatch(part)
            numbers = [int(value) for value in match.groups()[:2] if value and value.isdecimal()] if match else [-1]
            if any(not low <= number <= high for number in numbers) or (match and match[3] and int(match[3]) == 0):
                raise InvalidSchedule(_refusal(text))


def _refusal(text: str) -> str:
    return f"The schedule expression '{text}' was not recognized as a valid cron expression or timespan string."
