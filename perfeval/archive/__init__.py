"""The archive (归档): makes the bag of one approved evaluation and checks bags. Reads no store: what goes in is handed in."""

from perfeval.archive.approvals import gates_in
from perfeval.archive.bag import archive_bag
from perfeval.archive.package import ORIGIN, SubmissionPackage, archive_number, report_title
from perfeval.archive.verification import Check, State, examine_bag, made_by, misdescribed, verify_bag

__all__ = [
    "ORIGIN",
    "Check",
    "State",
    "SubmissionPackage",
    "archive_bag",
    "archive_number",
    "examine_bag",
    "gates_in",
    "made_by",
    "misdescribed",
    "report_title",
    "verify_bag",
]
