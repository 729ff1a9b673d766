"""Finds the command that a text means and runs it; a `.show` command's result may go on through a query (`| …`)."""

from collections.abc import Iterable
from itertools import islice

import duckdb

from local.data_explorer.commands import (
    columns,
    data,
    functions,
    inline,
    mappings,
    operations,
    policies,
    shows,
    tables,
    views,
)
from local.data_explorer.commands.journal import Journal
from local.data_explorer.commands.piping import run_pipeline
from local.data_explorer.commands.reader import NAME, CommandReader
from local.data_explorer.commands.scripts import script_command
from local.data_explorer.commands.tokens import Kind
from local.data_explorer.errors import KustoError, NotServed, SyntaxMistake
from local.data_explorer.extensions import Command, CommandContext
from local.data_explorer.results import ResultTable

_OWN: tuple[Command, ...] = (
    *tables.COMMANDS,
    *columns.COMMANDS,
    *functions.COMMANDS,
    *mappings.COMMANDS,
    *policies.COMMANDS,
    *views.COMMANDS,
    *data.COMMANDS,
    *inline.COMMANDS,
    *shows.COMMANDS,
    *operations.COMMANDS,
)


class Commands:
    """Every command that the server knows: its own and its extensions'."""

    def __init__(self, added: Iterable[Command]) -> None:
        self._by_verb: dict[str, list[Command]] = {}
        self._journal = Journal()
        for command in (*_OWN, script_command(self.run), self._journal.command(), *added):
            self._by_verb.setdefault(command.words[0], []).append(command)
        for commands in self._by_verb.values():
            commands.sort(key=lambda command: sum(word != NAME for word in command.words), reverse=True)

    def run(self, context: CommandContext, text: str) -> ResultTable:
        """Runs a command, and what its result is piped through. Raises KustoError; NotServed for an unknown command."""
        command_text, pipeline = _split_pipeline(text)
        result = self._run(context, command_text)
        return run_pipeline(context.database, result, pipeline) if pipeline else result

    def _run(self, context: CommandContext, text: str) -> ResultTable:
        reader = CommandReader(text)
        if not reader.accept("."):
            raise SyntaxMistake.at("a command starts with '.'.", text, reader.token.start, reader.token.text)
        command = self._find(reader)
        for word in command.words:
            if word == NAME:
                break
            reader.expect(word)
        with self._journal.keeping(context, " ".join(word for word in command.words if word != NAME), text):
            try:
                return command.run(context, reader)
            except duckdb.Error as error:
                raise KustoError(f"The command failed: {error}") from error

    def _find(self, reader: CommandReader) -> Command:
        for command in self._by_verb.get(reader.token.text.lower(), ()):
            if reader.is_command(command.words):
                return command
        words = " ".join(islice(reader.words_ahead(), 5))
        raise NotServed(f"The local Data Explorer does not serve the command '.{words}'.")


def _split_pipeline(text: str) -> tuple[str, str]:
    """`.show tables | count` → the command, and `count`; only `.show` can be piped on."""
    reader = CommandReader(text)
    if not reader.is_words(".", "show"):
        return text, ""
    while not reader.is_at_end:
        token = reader.take()
        if token.text == "|" and token.kind is Kind.SYMBOL:
            return text[: token.start], text[token.end :]
    return text, ""
