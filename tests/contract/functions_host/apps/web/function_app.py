"""HTTP functions: routes with constraints, methods, auth levels, sync and async, contexts, outputs and failures."""

import asyncio
import json
import logging
import threading

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


def _json(value: object) -> func.HttpResponse:
    return func.HttpResponse(json.dumps(value), mimetype="application/json")


@app.route(route="devices/{id:int}", methods=["GET"])
async def device_by_number(req: func.HttpRequest) -> func.HttpResponse:
    return _json({"by": "number", **req.route_params})


@app.route(route="devices/{name:alpha:maxlength(5)}/{view?}", methods=["GET", "PUT"])
async def device_by_name(req: func.HttpRequest) -> func.HttpResponse:
    return _json({"by": "name", **req.route_params})


@app.route(route="devices/all", methods=["GET"])
def all_devices(req: func.HttpRequest) -> func.HttpResponse:
    return _json({"by": "all"})


@app.route(route="files/{*path}", methods=["GET"])
def files(req: func.HttpRequest) -> func.HttpResponse:
    return _json({"by": "path", **req.route_params})


@app.route(route="echo", methods=["POST"])
def echo(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    logging.info("echoing %d bytes", len(req.get_body()))
    headers = {"x-invocation": context.invocation_id, "x-function": context.function_name}
    headers["x-parent"] = context.trace_context.trace_parent
    headers["x-thread"] = threading.current_thread().name
    headers["x-query"] = json.dumps(dict(req.params))
    headers["Set-Cookie"] = "session=42; HttpOnly; Path=/"
    return func.HttpResponse(req.get_body(), status_code=201, headers=headers, mimetype="application/octet-stream")


@app.route(route="text")
def text(req: func.HttpRequest) -> str:
    return "plain words"


@app.route(route="fails")
def fails(req: func.HttpRequest) -> func.HttpResponse:
    raise ValueError("the handler's own mistake")


@app.route(route="nothing")
def nothing(req: func.HttpRequest) -> func.HttpResponse:
    return None  # type: ignore[return-value]


@app.route(route="slow")
async def slow(req: func.HttpRequest) -> func.HttpResponse:
    await asyncio.sleep(float(req.params["seconds"]))
    return func.HttpResponse("finished")


@app.route(route="stuck")
def stuck(req: func.HttpRequest) -> func.HttpResponse:
    threading.Event().wait()
    raise AssertionError("never")


@app.route(route="guarded", auth_level=func.AuthLevel.FUNCTION)
def guarded(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("opened")


@app.route(route="master", auth_level=func.AuthLevel.ADMIN)
def master(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("opened")


@app.route(route="off")
def switched_off(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("must not run")


@app.route(route="admin/secrets")
@app.function_name("Under_Admin")
def under_admin(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("fine under the route prefix")


@app.generic_trigger(arg_name="what", type="daprBindingTrigger")
def unknown_trigger(what: str) -> None:
    raise AssertionError("no host calls this")


@app.queue_trigger(arg_name="order", queue_name="%MISSING_QUEUE%", connection="AzureWebJobsStorage")
def queued(order: func.QueueMessage) -> None:
    raise AssertionError("no host calls this")


@app.event_hub_message_trigger(arg_name="my_events", event_hub_name="hub", connection="Missing")
def underscored(my_events: func.EventHubEvent) -> None:
    raise AssertionError("the host refuses the name")
