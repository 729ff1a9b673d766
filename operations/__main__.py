"""`python -m operations`: what an operator does, against Azure and the local stack alike."""

import typer

from operations.assets.command import assets
from operations.cloud_settings import settings
from operations.dead_letters import dead_letters
from operations.rebuild import rebuild
from operations.reconciliation.command import reconcile
from operations.size.command import size_fleet
from operations.twins import twins

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)
app.add_typer(assets, name="assets")
app.add_typer(dead_letters, name="dead-letters")
app.add_typer(settings, name="settings")
app.add_typer(twins, name="twins")
app.command("reconcile")(reconcile)
app.command("rebuild")(rebuild)
app.command("size")(size_fleet)


@app.callback()
def operations() -> None:
    """The settings are the app's: from the environment, and under it from local.settings.json."""


if __name__ == "__main__":
    app()
