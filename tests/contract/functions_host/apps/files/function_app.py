"""A blob function with outputs to another container, a queue and the file RECORD."""

import json
import os
import typing
from pathlib import Path

import azure.functions as func

app = func.FunctionApp()


@app.blob_trigger(arg_name="upload", path="%CONTAINER%/{name}.{extension}", connection="AzureWebJobsStorage")
@app.blob_output(arg_name="copy", path="%CONTAINER%-copies/{name}.copy", connection="AzureWebJobsStorage")
@app.queue_output(arg_name="told", queue_name="%CONTAINER%", connection="AzureWebJobsStorage")
def copies(
    upload: func.InputStream,
    copy: func.Out[bytes],
    told: func.Out[typing.List[str]],  # noqa: UP006 - the worker refuses list[…]
) -> None:
    content = upload.read()
    with Path(os.environ["RECORD"]).open("a") as record:
        line = {"name": upload.name, "length": upload.length, "uri": upload.uri, "content": content.decode()}
        record.write(json.dumps(line) + "\n")
    if content == b"poison":
        raise ValueError("this blob can't be taken")
    copy.set(content.upper())
    told.set([f"copied {upload.name}", f"{upload.length} bytes"])
