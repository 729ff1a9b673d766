"""KQL, checked offline: the scripts in kql/ and every query text in the project, by Microsoft's own parser."""
