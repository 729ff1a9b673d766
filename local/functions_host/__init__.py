"""The Functions host: runs any Python v2 `function_app.py` as the real host and worker do, against the local stack."""
