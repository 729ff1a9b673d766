"""The table of what the local KQL knows."""

from local.data_explorer.kql import coverage
from local.data_explorer.kql.constructs import CONSTRUCTS


def test_coverage_page_is_what_the_code_and_the_tests_say() -> None:
    expected = coverage.page()

    assert coverage.PAGE.read_text() == expected, "write it anew: python -m local.data_explorer.kql.coverage"


def test_every_construct_has_one_row_and_a_page_of_its_own_documentation() -> None:
    names = [construct.name for construct in CONSTRUCTS]

    assert len(names) == len(set(names))
    assert all(construct.page.startswith("https://learn.microsoft.com/kusto/query/") for construct in CONSTRUCTS)
