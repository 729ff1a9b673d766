"""Merging property bags: bag_merge, make_bag. Of a key that several bags have, the first one's value is kept.

Learn, "bag_merge()", "make_bag() (aggregation function)".
"""

from typing import Any

import orjson
import pyarrow as pa

from local.data_explorer.kql.python_functions import PythonFunction


def merged(bags: list[str | None], most: int) -> bytes:
    """One bag of up to so many keys, as JSON; what is no bag is passed over."""
    keys: dict[str, Any] = {}
    for text in bags:
        bag = None if text is None else orjson.loads(text)
        if isinstance(bag, dict):
            for key, value in bag.items():
                keys.setdefault(key, value)
    return orjson.dumps(dict(list(keys.items())[:most]))


def _merged(lists: Any, most: Any) -> pa.Array:
    rows = zip(lists.to_pylist(), most.to_pylist(), strict=True)
    return pa.array([None if bags is None else merged(bags, limit).decode() for bags, limit in rows], pa.string())


FUNCTIONS = (PythonFunction("kql_merge_bags", _merged, ("VARCHAR[]", "BIGINT"), "VARCHAR"),)
