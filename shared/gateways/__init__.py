"""One module for each Azure service: its SDK's calls, behind our own types and errors."""
