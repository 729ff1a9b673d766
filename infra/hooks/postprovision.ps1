# azd runs this when it has provisioned, with the outputs of infra/main.bicep in the environment. `azd env set
# DEMO_GRAPH true` before makes the demo graph, too; `azd hooks run postprovision` runs it again.
$ErrorActionPreference = 'Stop'
Set-Location (Join-Path $PSScriptRoot '../..')

$python = if ($IsWindows) { '.venv/Scripts/python.exe' } else { '.venv/bin/python' }
if (-not (Test-Path $python)) {
  if ($IsWindows) { py -3.11 -m venv .venv } else { python3.11 -m venv .venv }
  & $python -m pip install --quiet --disable-pip-version-check -r requirements.txt typer rich -c requirements-local.txt
  if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
}

& $python -m operations settings write
if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }

if ($env:DEMO_GRAPH -eq 'true') {
  & $python -m operations twins upload --demo
} else {
  & $python -m operations twins upload
}
exit $LASTEXITCODE
