"""Practice databases with the tables of legacy ERPs: Yonyou U8, Kingdee K3 WISE, Digiwin Workflow, TIPTOP.

The tables, columns, types and keys are what the vendors' dictionaries and other people's programs tell; every row is ours.
"""

from __future__ import annotations

__all__: list[str] = []
