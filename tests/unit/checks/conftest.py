from collections.abc import Iterator

import pytest

from checks.kql.checker import Checker


@pytest.fixture(scope="package")
def checker() -> Iterator[Checker]:
    with Checker() as checker:
        yield checker
