"""The seam by which a sub-package adds commands, routes and background work to the server."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.routing import BaseRoute

from local.data_explorer.cluster import Cluster
from local.data_explorer.commands.reader import CommandReader
from local.data_explorer.database import Database
from local.data_explorer.results import ResultTable


@dataclass(frozen=True)
class CommandContext:
    """Where a command runs. `client_request_id` is the request's own."""

    cluster: Cluster
    database: Database
    client_request_id: str = ""


@dataclass(frozen=True)
class Command:
    """A management command: the words that tell it, and what runs it.

    In `words`, "*" stands for an entity's name (qualified or not, or a list in brackets): ("create", "external",
    "table"), ("alter", "table", "*", "policy"). Of the commands that fit a text, the one with the most words wins.
    `run` gets a reader that stands behind the words before the first "*"; it raises KustoError, and runs in a worker
    thread, so it may block.
    """

    words: tuple[str, ...]
    run: Callable[[CommandContext, CommandReader], ResultTable]


@dataclass(frozen=True)
class Extension:
    """`background` coroutines start with the server and are cancelled when it drains.

    Routes are served under the server's own authentication, so a handler meets only requests that may come in.
    """

    commands: tuple[Command, ...] = ()
    routes: tuple[BaseRoute, ...] = ()
    background: tuple[Callable[[], Awaitable[None]], ...] = ()
