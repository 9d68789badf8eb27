"""Who may decide what: identity, roles, separation of duties. An answer becomes a Decision here or nowhere."""

from perfeval.approvals.deciding import decide
from perfeval.approvals.identity import enrol, find_approver

__all__ = ["decide", "enrol", "find_approver"]
