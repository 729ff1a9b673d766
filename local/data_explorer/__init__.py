"""A local Azure Data Explorer: the Kusto REST protocol over DuckDB, for the unmodified azure-kusto SDKs."""
