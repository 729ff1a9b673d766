"""`python -m local`: the whole local Azure: up, run, status, reset."""

import os
import shutil
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from local.process import USER_MISTAKE, UserMistake
from local.stack.proof import prove
from local.stack.servers import Servers, StackOptions
from local.stack.status import server_states
from local.stack.supervisor import Supervisor, is_running

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__, pretty_exceptions_enable=False)
console = Console()

DataOption = Annotated[Path, typer.Option(help="where the stack keeps everything")]
DEFAULT_DATA = StackOptions().data


@app.command()
def up(
    data: DataOption = DEFAULT_DATA,
    host: Annotated[bool, typer.Option(help="run the Functions host too; without it, `func start` can")] = True,
) -> None:
    """Start every server and watch over them, until Ctrl-C."""
    supervisor = Supervisor(StackOptions(data=data, runs_host=host), _tell)
    with supervisor.running() as servers:
        _show_endpoints(servers)
        console.print("Press Ctrl-C to stop. Send something: [bold]python -m simulator replay[/]")
        supervisor.watch()


@app.command()
def run(
    data: DataOption = DEFAULT_DATA,
    once: Annotated[bool, typer.Option(help="end after the proof: 0 if and only if all counts match")] = False,
) -> None:
    """Start everything, replay the recorded data, and prove that nothing was lost."""
    once = once or os.environ.get("ONCE") == "1"
    supervisor = Supervisor(StackOptions(data=data), _tell)
    with supervisor.running() as servers:
        holds = prove(servers, supervisor, console)
        if once or supervisor.is_stopping:
            raise typer.Exit(0 if holds else 1)
        _show_endpoints(servers)
        console.print("The stack stays up. Press Ctrl-C to stop.")
        supervisor.watch()


@app.command()
def status(data: DataOption = DEFAULT_DATA) -> None:
    """Show which servers run, and whether they are well."""
    states = server_states(data)
    if not states:
        console.print("No stack runs. Start one: [bold]python -m local up[/]")
        raise typer.Exit(1)
    table = Table("server", "address", "process", "health")
    for state in states:
        table.add_row(state.name, state.url, str(state.pid), "[green]well[/]" if state.is_well else "[red]not well[/]")
    console.print(table)
    raise typer.Exit(0 if all(state.is_well for state in states) else 1)


@app.command()
def reset(data: DataOption = DEFAULT_DATA) -> None:
    """Forget everything the stack has kept: events, documents, tables, logs."""
    if is_running(data):
        raise UserMistake("The stack is running: stop it first (Ctrl-C).")
    shutil.rmtree(data, ignore_errors=True)
    console.print(f"{data} is gone; the next start begins anew.")


def _tell(text: str) -> None:
    console.print(f"[dim]{text}[/]", highlight=False)


def _show_endpoints(servers: Servers) -> None:
    table = Table(title="Where everything is", title_justify="left")
    for heading in ("service", "address"):
        table.add_column(heading, overflow="fold")
    for name, server in servers.by_name.items():
        table.add_row(name, server.url)
    console.print(table)


if __name__ == "__main__":
    try:
        app()
    except UserMistake as mistake:
        Console(stderr=True).print(str(mistake), style="red", highlight=False)
        raise SystemExit(USER_MISTAKE) from None
