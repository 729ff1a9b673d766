"""Management commands: reading them, and one module for each kind of entity."""
