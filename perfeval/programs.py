"""Programs of others that are started (外部程序): LibreOffice, poppler, git, fontconfig."""

import os

_OURS = ("PERFEVAL_", "PREFECT_", "AWS_", "PGPASS")


def environment() -> dict[str, str]:
    """What such a program is told: nothing of what opens the store, the notices or the databases."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
