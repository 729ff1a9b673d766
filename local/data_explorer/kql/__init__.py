"""KQL to SQL: duckdb-kql, and what this server adds to it."""
