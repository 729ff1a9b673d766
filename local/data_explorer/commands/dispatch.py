"""Finds the command that a text means and runs it; a `.show` command's result may go on through a query (`| …`)."""

from collections.abc import Iterable

from local.data_explorer.commands import tables
from local.data_explorer.commands.reader import CommandReader
from local.data_explorer.errors import NotServed, SyntaxMistake
from local.data_explorer.extensions import Command, CommandContext
from local.data_explorer.results import ResultTable

_LONGEST = 6
_OWN: tuple[Command, ...] = (*tables.COMMANDS,)


class Commands:
    """Every command that the server knows: its own and its extensions'."""

    def __init__(self, added: Iterable[Command]) -> None:
        self._by_words = {command.words: command for command in (*_OWN, *added)}

    def run(self, context: CommandContext, text: str) -> list[ResultTable]:
        """Runs a command and gives its tables. Raises KustoError; NotServed for one that is not known."""
        reader = CommandReader(text)
        if not reader.accept("."):
            raise SyntaxMistake.at("a command starts with '.'.", text, reader.token.start, reader.token.text)
        command = self._find(reader)
        return [command.run(context, reader)]

    def _find(self, reader: CommandReader) -> Command:
        ahead = tuple(word for word, _ in zip(reader.words_ahead(), range(_LONGEST), strict=False))
        for length in range(len(ahead), 0, -1):
            command = self._by_words.get(ahead[:length])
            if command is not None:
                reader.expect(*command.words)
                return command
        raise NotServed(f"The local Data Explorer does not serve the command '.{' '.join(ahead)}'.")
