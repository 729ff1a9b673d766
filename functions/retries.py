"""The one retry policy of the app: without end, since a finite one checkpoints a failed batch and so loses it."""

from typing import TypedDict


class Policy(TypedDict):
    strategy: str
    max_retry_count: str
    minimum_interval: str
    maximum_interval: str


FOR_EVER: Policy = {
    "strategy": "exponential_backoff",
    "max_retry_count": "-1",
    "minimum_interval": "00:00:01",
    "maximum_interval": "00:01:00",
}
