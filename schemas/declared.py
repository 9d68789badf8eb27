"""Ledgers that a workspace declares (自设台账): the same models as the built-in ones, made of data."""

from collections.abc import Mapping
from typing import Any

from schemas.columns import Count, Day, Kind, LedgerModel, Money, Percent, Quantity, Text

_TYPES = {
    Kind.TEXT: Text, Kind.CODE: Text, Kind.CHOICE: Text, Kind.MONEY: Money, Kind.PERCENT: Percent, Kind.DAY: Day, Kind.MONTH: Text,
    Kind.COUNT: Count, Kind.QUANTITY: Quantity,
}  # fmt: skip


def declare(name: str, title: str, columns: Mapping[str, Any]) -> type[LedgerModel]:
    """Make a ledger's model.

    Args:
        name: English name, an identifier.
        title: Chinese title.
        columns: by English name, made by the functions of `schemas.columns`.
    """
    # A column may be called as a method of the model is, so its attribute is called otherwise.
    attributes: dict[str, Any] = {}
    for column, field in columns.items():
        field.alias = column
        attributes[f"column_{column}"] = field
    types = {f"column_{column}": _TYPES[field.metadata["kind"]] for column, field in columns.items()}
    config = type("Config", (LedgerModel.Config,), {"name": name, "title": title})
    body = {"__module__": __name__, "__annotations__": types, "Config": config}
    return type(name, (LedgerModel,), attributes | body)
