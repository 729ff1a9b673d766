"""How data gets into the local Data Explorer: formats, streaming, queued ingestion and data connections."""
