"""Who may decide what: identity, roles, separation of duties. Pure: what is known of the record is handed in.

An answer becomes a Decision here or nowhere.
"""

from perfeval.approvals.deciding import Matter, check_answer
from perfeval.approvals.identity import check_enrolment, code_step, find_approver, new_secret

__all__ = ["Matter", "check_answer", "check_enrolment", "code_step", "find_approver", "new_secret"]
