"""What a fleet needs in Azure, what it costs a month, and where each limit bites (docs/sizing.md)."""
