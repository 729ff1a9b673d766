"""What stands around a query: its `set` statements before it, and `render` at its end."""

import itertools

from local.data_explorer.commands.reader import CommandReader
from local.data_explorer.commands.tokens import tokenize
from local.data_explorer.errors import SyntaxMistake

_RENDERED: dict[str, object] = {
    **dict.fromkeys(("Visualization", "Title", "XColumn", "Series", "YColumns", "AnomalyColumns", "XTitle", "YTitle")),
    **dict.fromkeys(("XAxis", "YAxis", "Legend", "YSplit")),
    "Accumulate": False,
    "IsQuerySorted": False,
    "Kind": None,
    "Ymin": "NaN",
    "Ymax": "NaN",
    "Xmin": None,
    "Xmax": None,
}
"""What the service says of a query that asks for no rendering."""


def visualization(text: str) -> dict[str, object]:
    """How a query asks to be rendered: the properties of its last `| render kind with (…)`."""
    tokens = tokenize(text)
    asked = [two.end for one, two in itertools.pairwise(tokens) if (one.text, two.text) == ("|", "render")]
    if not asked:
        return _RENDERED
    reader = CommandReader(text[asked[-1] :])
    try:
        kind, properties = reader.name(), reader.properties()
    except SyntaxMistake:
        return _RENDERED
    names = {name.lower(): name for name in _RENDERED}
    given = {names[name]: value for name, value in properties.items() if name in names}
    return {**_RENDERED, "Visualization": kind, **given}


def split_settings(text: str) -> tuple[dict[str, str], str]:
    """A query's leading `set name = value;` statements as options, and the text without them.

    Their places in the text are left blank, so that errors still tell the right line and column.
    """
    reader = CommandReader(text)
    settings = {}
    start = reader.token.start
    while reader.accept("set"):
        name = reader.name().lower()
        settings[name] = reader.value_until(";") if reader.accept("=") else "true"
        if not reader.is_at_end:
            reader.expect(";")
    if not settings:
        return {}, text
    blank = "".join(character if character == "\n" else " " for character in text[start : reader.token.start])
    return settings, text[:start] + blank + reader.rest
