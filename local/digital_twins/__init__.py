"""A local Azure Digital Twins: the data plane over SQLite, for unmodified azure-digitaltwins-core."""
