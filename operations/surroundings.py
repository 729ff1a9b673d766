"""Where an operation runs: the app's settings, and gateways for as long as it takes."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import typer
from rich.console import Console

from shared.dead_letters.letters import NotALetter
from shared.gateways.blobs import NoSuchBlob
from shared.gateways.errors import Unavailable
from shared.gateways.worker import Gateways
from shared.settings import Settings, SettingsMistake, read_settings

Result = TypeVar("Result")
Operation = Callable[[Gateways, Settings], Awaitable[Result]]
UNFOLDED = 240
"""Columns of what is written to a file or a pipe: a letter's name is not to be folded there."""
console = Console(width=None if sys.stdout.isatty() else UNFOLDED)
errors = Console(stderr=True)
MISTAKE, FAILED = 2, 1
TRUST = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


def run(operation: Operation[Result], settings_file: Path) -> Result:
    """Runs an operation with the settings' gateways; what is wrong is told in one sentence."""
    try:
        read_under_environment(settings_file)
        return asyncio.run(_with_gateways(operation, read_settings()))
    except SettingsMistake as mistake:
        errors.print(str(mistake), markup=False, soft_wrap=True)
        raise typer.Exit(MISTAKE) from mistake
    except (Unavailable, NotALetter) as failure:
        errors.print(str(failure), markup=False, soft_wrap=True)
        raise typer.Exit(FAILED) from failure
    except NoSuchBlob as failure:
        errors.print(f"There is no dead letter {failure}", markup=False, soft_wrap=True)
        raise typer.Exit(FAILED) from failure


async def _with_gateways(operation: Operation[Result], settings: Settings) -> Result:
    async with Gateways(settings) as gateways:
        return await operation(gateways, settings)


def read_under_environment(file: Path) -> None:
    """Sets what local.settings.json's Values hold and the environment doesn't. Raises SettingsMistake.

    Whom to trust goes over the environment's: a file that names a bundle means servers which only that one knows.
    """
    if not file.exists():
        return
    try:
        values = json.loads(file.read_text(encoding="utf-8-sig"))["Values"]
        for name, value in values.items():
            if name in TRUST or name not in os.environ:
                os.environ[name] = str(value)
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise SettingsMistake(f"{file} is no local.settings.json: {error}") from error
