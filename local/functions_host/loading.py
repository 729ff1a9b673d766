"""Importing an app's function_app.py the way the Python worker does, and finding its FunctionApp."""

import asyncio
import contextlib
import importlib
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from azure.functions import AsgiFunctionApp, FunctionRegister
from azure.functions.decorators.function_app import Function as DeclaredFunction

from local.launch import PROJECT
from local.process import UserMistake

_LIFESPAN_SECONDS = 5.0


def load_app(app: Path, script: str = "function_app.py") -> tuple[FunctionRegister, list[DeclaredFunction]]:
    """The app and the functions that it declares, its folder now first on sys.path and the working directory.

    Raises UserMistake, in one sentence, for whatever stops the worker from indexing.
    """
    entry = app / script
    if not entry.exists():
        raise UserMistake(f"{app} has no {script}: is it a Python v2 Functions app? Give its folder with --app.")
    sys.path[:] = _search_path(app)
    os.chdir(app)
    module = _import(entry)
    apps = [value for value in vars(module).values() if isinstance(value, FunctionRegister)]
    found = list({id(value): value for value in apps}.values())
    if not found:
        raise UserMistake(f"{entry} has no FunctionApp at its top level: add `app = func.FunctionApp()`.")
    if len(found) > 1:
        raise UserMistake(f"{entry} has {len(found)} function apps at its top level: only one may be there.")
    try:
        return found[0], list(found[0].get_functions())
    except ValueError as error:
        raise UserMistake(f"{entry} can't be indexed: {error}") from error


def _search_path(app: Path) -> list[str]:
    """The app's folder and its own packages go first; this host's folder is not to lend the app its modules."""
    packages = app / ".python_packages" / "lib" / "site-packages"
    others = (entry for entry in sys.path if Path(entry).resolve() != PROJECT)
    return [str(app), *([str(packages)] if packages.is_dir() else []), *others]


async def shut_down(app: FunctionRegister) -> None:
    """Ends an ASGI app's lifespan; the library would try it only when no event loop can run any more."""
    if isinstance(app, AsgiFunctionApp) and app.startup_task_done:
        app.startup_task_done = False
        middleware: Any = app.middleware
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(middleware.notify_shutdown(), _LIFESPAN_SECONDS)


def _import(entry: Path) -> object:
    try:
        return importlib.import_module(entry.stem)
    except ModuleNotFoundError as error:
        raise UserMistake(
            f"{entry} can't be imported: {error}. Add the module to requirements.txt and install it, or check the name."
        ) from error
    except Exception as error:
        raise UserMistake(
            f"{entry} can't be imported: {type(error).__name__}: {error}{_place(error, entry)}"
        ) from error


def _place(error: BaseException, entry: Path) -> str:
    """Where in the app's own files it happened."""
    if isinstance(error, SyntaxError):
        return ""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(entry.parent) and "site-packages" not in frame.filename
    ]
    return f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
