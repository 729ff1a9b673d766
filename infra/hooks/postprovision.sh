#!/bin/sh
# azd runs this when it has provisioned, with the outputs of infra/main.bicep in the environment. `azd env set
# DEMO_GRAPH true` before makes the demo graph, too; `azd hooks run postprovision` runs it again.
set -eu
cd "$(dirname "$0")/../.."

python=.venv/bin/python
if [ ! -x "$python" ]; then
  "${PYTHON:-python3.11}" -m venv .venv
  "$python" -m pip install --quiet --disable-pip-version-check -r requirements.txt typer rich -c requirements-local.txt
fi

"$python" -m operations settings write
if [ "${DEMO_GRAPH:-false}" = true ]; then
  "$python" -m operations twins upload --demo
else
  "$python" -m operations twins upload
fi
