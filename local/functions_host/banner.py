"""What the host shows once it is up: versions, the functions with their triggers, and those in error."""

import logging
import platform

from azure.functions import __version__ as library_version

from local.functions_host.console import HOST, Console
from local.functions_host.host import Host
from local.functions_host.http_trigger import HTTP


def show_app(host: Host, console: Console, url: str) -> None:
    """The banner, func-like."""
    python = platform.python_version()
    console.write(f"\nAzure Functions local host (Python {python}, azure-functions {library_version})\n")
    if host.invokers:
        console.write("Functions:")
    routes = {route.function: route for route in host.routes}
    for name, invoker in host.invokers.items():
        trigger = invoker.function.trigger
        if trigger.type == HTTP:
            methods = ",".join(sorted(routes[name].methods))
            where = f"{url}/{routes[name].template}"
            console.write(f"  {console.emphasis(name)}: {f'[{methods}] ' if methods else ''}{where}")
        else:
            console.write(f"  {console.emphasis(name)}: {trigger.type}")
    for name in sorted(host.disabled):
        console.write(f"  {name}: disabled (AzureWebJobs.{name}.Disabled)")
    console.write("")
    for one in host.in_error:
        console.show(HOST, f"The '{one.name}' function is in error: {one.reason}", logging.ERROR)
    if not host.invokers:
        console.show(HOST, "No job functions found.", logging.WARNING)
