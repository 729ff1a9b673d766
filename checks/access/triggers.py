"""The triggers of the app's functions, as the Functions host reads them."""

import importlib
import json
from dataclasses import dataclass
from functools import cache

import azure.functions as func

from checks.bicep.source import PROJECT


@dataclass(frozen=True)
class Trigger:
    """`hub` is as it stands in the binding, with percent signs; `hub` and `group` are of Event Hub triggers."""

    function: str
    file: str
    kind: str
    hub: str = ""
    group: str = ""


@cache
def triggers() -> tuple[Trigger, ...]:
    """Those of every module in functions/, whatever the settings leave out."""
    names = sorted(path.stem for path in (PROJECT / "functions").glob("*.py"))
    modules = {name: importlib.import_module(f"functions.{name}") for name in names if name != "__init__"}
    return tuple(
        trigger
        for name, module in modules.items()
        if hasattr(module, "bp")
        for trigger in _of_blueprint(module.bp, f"functions/{name}.py")
    )


def _of_blueprint(blueprint: func.Blueprint, file: str) -> list[Trigger]:
    app = func.FunctionApp()
    app.register_functions(blueprint)
    found = []
    for function in app.get_functions():
        for binding in json.loads(function.get_function_json())["bindings"]:
            hub, group = binding.get("eventHubName", ""), binding.get("consumerGroup", "")
            found.append(Trigger(str(function.get_function_name()), file, binding["type"], hub, group))
    return found
