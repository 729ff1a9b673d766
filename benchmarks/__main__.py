"""`python -m benchmarks`: every benchmark, one after the other, each printing its table."""

from importlib import import_module

BENCHMARKS = (
    "import_time",
    "pure_work",
    "event_hubs",
    "cosmos",
    "data_explorer",
    "ingestion",
    "gold",
    "time_series",
    "digital_twins_queries",
    "digital_twins",
    "functions_host",
    "requests_per_event",
    "twins",
    "twin_requests",
    "pipeline",
)


def main() -> None:
    for name in BENCHMARKS:
        import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
