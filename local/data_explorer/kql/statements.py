"""What stands around a query: its `set` statements."""

from local.data_explorer.commands.reader import CommandReader


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
