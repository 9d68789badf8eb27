"""The only reader of xlsx and csv: read → clean → validate → findings, and marked copies for the clerk.

Here belongs how files are opened and how clerks write; not what the columns are (`schemas`), nor rules over several
cells (`perfeval.checks`).
"""

from perfeval.ledgers.reader import Reading, read_ledgers
from perfeval.ledgers.receiving import receive

__all__ = ["Reading", "read_ledgers", "receive"]
