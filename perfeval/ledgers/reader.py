"""Reading a year's ledgers (台账): which file is which, then each through header, cells, checks; never raises for bad input."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

import polars as pl

from perfeval.ledgers.cells import unreadable
from perfeval.ledgers.codes import Code
from perfeval.ledgers.delimited import DelimitedFile
from perfeval.ledgers.headers import Layout, find_layout, likely_model, normal
from perfeval.ledgers.rows import Cleaned, clean_rows
from perfeval.ledgers.sheets import RefusedFileError, Sheet, index_of
from perfeval.ledgers.validation import Failure, failures
from perfeval.ledgers.workbook import open_workbook
from perfeval.model import Finding, Ledger, Ledgers, ReceivedFile, Severity
from schemas import LEDGERS, Kind, LedgerModel
