"""The operator's command line: `python -m operations`, against Azure and the local stack alike."""
