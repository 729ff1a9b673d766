"""Finds the command that a text means and runs it; a `.show` command's result may go on through a query (`| …`)."""

from collections.abc import Iterable
from itertools import islice

from local.data_explorer.commands import columns, functions, mappings, policies, tables, views
from local.data_explorer.commands.reader import NAME, CommandReader
from local.data_explorer.errors import NotServed, SyntaxMistake
from local.data_explorer.extensions import Command, CommandContext
from local.data_explorer.results import ResultTable

_OWN: tuple[Command, ...] = (
    *tables.COMMANDS,
    *columns.COMMANDS,
    *functions.COMMANDS,
    *mappings.COMMANDS,
    *policies.COMMANDS,
    *views.COMMANDS,
)


class Commands:
    """Every command that the server knows: its own and its extensions'."""

    def __init__(self, added: Iterable[Command]) -> None:
        self._by_verb: dict[str, list[Command]] = {}
        for command in (*_OWN, *added):
            self._by_verb.setdefault(command.words[0], []).append(command)
        for commands in self._by_verb.values():
            commands.sort(key=lambda command: sum(word != NAME for word in command.words), reverse=True)

    def run(self, context: CommandContext, text: str) -> ResultTable:
        """Raises KustoError; NotServed for a command that is not known."""
        reader = CommandReader(text)
        if not reader.accept("."):
            raise SyntaxMistake.at("a command starts with '.'.", text, reader.token.start, reader.token.text)
        command = self._find(reader)
        for word in command.words:
            if word == NAME:
                break
            reader.expect(word)
        return command.run(context, reader)

    def _find(self, reader: CommandReader) -> Command:
        for command in self._by_verb.get(reader.token.text.lower(), ()):
            if reader.is_command(command.words):
                return command
        words = " ".join(islice(reader.words_ahead(), 5))
        raise NotServed(f"The local Data Explorer does not serve the command '.{words}'.")
