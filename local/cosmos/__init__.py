"""A local Azure Cosmos DB for NoSQL: the service's REST protocol over SQLite, for the unmodified SDKs."""
