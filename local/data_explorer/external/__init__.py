"""Data outside the database: storage locations, external tables over them, export and continuous export."""
