"""What is kept: evaluations, step outcomes, decisions, people, secrets and artifacts. The only room that knows SQL.

The store is the truth. A step's outcome is written once for (evaluation, revision, step); whoever writes second reads the
first. Nothing here decides or computes.
"""

from perfeval.store.artifacts import Artifacts
from perfeval.store.repository import Enrolled, Store, open_store, try_database

__all__ = ["Artifacts", "Enrolled", "Store", "open_store", "try_database"]
