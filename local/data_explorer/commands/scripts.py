"""`.execute database script`: several commands in one request.

A command starts on a line that begins with a dot, at bracket depth 0 (Learn, ".execute database script").
"""

import uuid
from collections.abc import Callable

from local.data_explorer.commands.reader import CommandReader
from local.data_explorer.commands.tokens import Kind, tokenize
from local.data_explorer.errors import KustoError
from local.data_explorer.extensions import Command, CommandContext
from local.data_explorer.results import ResultTable, table

_COLUMNS = "OperationId:guid CommandType CommandText Result Reason"
_OPENING, _CLOSING = "([{", ")]}"


def split_script(text: str) -> list[str]:
    """The script's commands, without the comments between them. Raises SyntaxMistake."""
    starts = []
    depth = 0
    for token in tokenize(text):
        if token.kind is Kind.SYMBOL and token.text in _OPENING:
            depth += 1
        elif token.kind is Kind.SYMBOL and token.text in _CLOSING:
            depth = max(0, depth - 1)
        line = text[text.rfind("\n", 0, token.start) + 1 : token.start]
        if token.text == "." and depth == 0 and not line.strip():
            starts.append(token.start)
    commands = [text[start:end].strip() for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    return [_without_trailing_comments(command) for command in commands]


def _without_trailing_comments(command: str) -> str:
    """Comments after a command's last token belong to the next one."""
    *_, last, _ = tokenize(command)
    return command[: last.end].rstrip(";").rstrip()


def script_command(run_text: Callable[[CommandContext, str], ResultTable]) -> Command:
    def run(context: CommandContext, reader: CommandReader) -> ResultTable:
        properties = reader.properties()
        reader.expect("<|")
        goes_on = properties.get("continueonerrors", "false").lower() == "true"
        throws = properties.get("throwonerrors", "false").lower() == "true"
        rows: list[tuple[str, ...]] = []
        failed: KustoError | None = None
        for command in split_script(reader.rest):
            kind = " ".join(CommandReader(command[1:]).words_ahead())
            if failed is not None and not goes_on:
                rows.append((str(uuid.uuid4()), kind, command, "Skipped", "an earlier command failed"))
                continue
            try:
                run_text(context, command)
                rows.append((str(uuid.uuid4()), kind, command, "Completed", ""))
            except KustoError as error:
                failed = failed or error
                rows.append((str(uuid.uuid4()), kind, command, "Failed", error.message))
        if failed is not None and throws:
            raise failed
        return table(_COLUMNS, rows)

    return Command(("execute", "database", "script"), run)
