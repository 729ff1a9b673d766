"""Bicep, checked offline: syntax, names, modules, Azure's published resource types, and the rules of this project."""
