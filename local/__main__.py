"""`python -m local`: the whole local Azure: up, run, status, reset."""

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from local.process import USER_MISTAKE, UserMistake
from local.stack.leftovers import stop_leftovers
from local.stack.ports import FREE, Ports
from local.stack.proof import prove
from local.stack.servers import Servers, StackOptions
from local.stack.status import server_states
from local.stack.supervisor import Supervisor, is_running

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__, pretty_exceptions_enable=False)
console = Console(width=None if sys.stdout.isatty() else 120)

DataOption = Annotated[Path, typer.Option(resolve_path=True, help="where the stack keeps everything")]
SettingsOption = Annotated[Path, typer.Option(resolve_path=True, help="the app's settings file that is written")]
FreePortsOption = Annotated[bool, typer.Option("--free-ports", help="not the usual ports: for a second stack")]
DEFAULT = StackOptions()


@app.command()
def up(
    data: DataOption = DEFAULT.data,
    settings: SettingsOption = DEFAULT.settings,
    free_ports: FreePortsOption = False,
    host: Annotated[bool, typer.Option(help="run the Functions host too; without it, `func start` can")] = True,
) -> None:
    """Start every server and watch over them, until Ctrl-C."""
    supervisor = Supervisor(StackOptions(data, _ports(free_ports), settings, runs_host=host), _tell)
    with supervisor.running() as servers:
        _show_endpoints(servers)
        console.print("Press Ctrl-C to stop. Send something: [bold]python -m simulator replay[/]")
        supervisor.watch()


@app.command()
def run(
    data: DataOption = DEFAULT.data,
    settings: SettingsOption = DEFAULT.settings,
    free_ports: FreePortsOption = False,
    once: Annotated[bool, typer.Option(help="end after the proof: 0 if and only if all counts match")] = False,
) -> None:
    """Start everything, replay the recorded data, and prove that nothing was lost."""
    once = once or os.environ.get("ONCE") == "1"
    supervisor = Supervisor(StackOptions(data, _ports(free_ports), settings), _tell)
    with supervisor.running() as servers:
        holds = prove(servers, supervisor, console)
        if once or supervisor.is_stopping:
            raise typer.Exit(0 if holds else 1)
        _show_endpoints(servers)
        console.print("The stack stays up. Press Ctrl-C to stop.")
        supervisor.watch()


@app.command()
def status(data: DataOption = DEFAULT.data) -> None:
    """Show which servers run, and whether they are well."""
    states = server_states(data)
    if not states:
        console.print("No stack runs. Start one: [bold]python -m local up[/]")
        raise typer.Exit(1)
    table = Table("server", "address", "process", "health")
    for state in states:
        table.add_row(
            state.name, state.url, str(state.pid or ""), "[green]well[/]" if state.is_well else "[red]not well[/]"
        )
    console.print(table)
    raise typer.Exit(0 if all(state.is_well for state in states) else 1)


@app.command()
def reset(data: DataOption = DEFAULT.data) -> None:
    """Forget everything the stack has kept: events, documents, tables, logs."""
    if is_running(data):
        raise UserMistake("The stack is running: stop it first (Ctrl-C).")
    if data.exists() and any(data.iterdir()) and not (data / "trust").exists():
        raise UserMistake(f"{data} is no stack's folder: nothing was deleted.")
    stop_leftovers(data)
    shutil.rmtree(data, ignore_errors=True)
    console.print(f"{data} is gone; the next start begins anew.")


def _ports(free: bool) -> Ports:
    return FREE if free else Ports()


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
        Console(stderr=True).print(str(mistake), style="red", highlight=False, soft_wrap=True)
        raise SystemExit(USER_MISTAKE) from None
