"""The asset registry against reality: what is read and what twins hold, and what assets.json says."""
