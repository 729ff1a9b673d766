"""The files that Azure's and GitHub's tools read, against their schemas: azure.yaml, host.json, settings, workflows."""
