"""What `make test` checks of the files that are no Python: each subpackage has one kind of file and its validator."""
