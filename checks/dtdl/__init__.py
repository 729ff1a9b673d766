"""Checks the project's Digital Twins models with Microsoft's own parser, and the asset registry against them."""
