"""The shapes of ledgers (台账): one Pandera model per ledger, true whatever the year. No I/O, no rules over several ledgers."""

from schemas.catalogue import BUILT_IN, DEFAULT, Catalogue
from schemas.columns import Column, Kind, LedgerModel

LEDGERS = DEFAULT.ledgers

__all__ = ["BUILT_IN", "DEFAULT", "LEDGERS", "Catalogue", "Column", "Kind", "LedgerModel"]
