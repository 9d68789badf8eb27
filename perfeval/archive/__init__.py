"""The archive (归档): makes the bag of one approved evaluation and checks bags. Reads no store: what goes in is handed in."""

from perfeval.archive.approvals import SealedBag, evaluation_of, sealed_bag, sealed_bags
from perfeval.archive.bag import archive_bag
from perfeval.archive.description import made_by, misdescribed
from perfeval.archive.hearing import Hearing, hear, hear_all, touched
from perfeval.archive.package import ORIGIN, SHEET, SubmissionPackage, archive_number, report_title
from perfeval.archive.verification import Check, Examination, State, examine_bag, is_bag, verify_bag
from perfeval.archive.witness import compare_witness

__all__ = [
    "ORIGIN",
    "SHEET",
    "Check",
    "Examination",
    "Hearing",
    "SealedBag",
    "State",
    "SubmissionPackage",
    "archive_bag",
    "archive_number",
    "compare_witness",
    "evaluation_of",
    "examine_bag",
    "hear",
    "hear_all",
    "is_bag",
    "made_by",
    "misdescribed",
    "report_title",
    "sealed_bag",
    "sealed_bags",
    "touched",
    "verify_bag",
]
