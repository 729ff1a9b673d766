"""What is published to the Function App: which files, whether the app runs of them alone, and how large they are."""
