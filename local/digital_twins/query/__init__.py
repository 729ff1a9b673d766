"""The Digital Twins query language: texts to syntax trees, trees to SQL over the server's tables, pages of rows.

`execute` answers one page. What a query means, and where that is not written down by the service: see README.md.
"""

from local.digital_twins.query.execution import QueryPage, execute

__all__ = ["QueryPage", "execute"]
