"""The daily flow (每日催办): tells approvers what waits, is due or is late, and the clerk what came of it, from the store.

What did not arrive is sent again.
"""

from prefect import flow

from flows.offices import this_office

DAILY = "daily"
EVERY_MORNING = "0 9 * * *"


@flow(name="reminders", persist_result=False, description="通知：待审批、今日到期、已逾期，经办人的结果；上次没有送到的再送")
def send_reminders() -> str:
    """Send what is to be told today.

    Raises: UsageError: an address of PERFEVAL_NOTICE_URLS is none.
    """
    from perfeval.reminding import remind

    sent = remind(this_office())
    failed = [label for reminder in sent for label in reminder.failed]
    return f"通知 {len(sent)} 条" + (f"，没有送到：{'、'.join(failed)}" if failed else "")
