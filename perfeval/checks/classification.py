"""The economic classification (经济分类科目) as a table of codes and names."""

import csv
import re
from pathlib import Path

from perfeval.configuration import faulty, read_text


def load_classification(path: Path) -> dict[str, str]:
    """Load the table of economic classification (经济分类科目): a csv of code,name.

    Raises: ConfigurationError: with every line that is no code with its name, or repeats one.
    """
    rows = list(csv.reader(read_text(path).splitlines()))
    names: dict[str, str] = {}
    faults = [] if rows[:1] == [["code", "name"]] else [f"{path.name}:1: 第一行应为 code,name"]
    for line, row in enumerate(rows[1:], 2):
        if len(row) != 2 or not re.fullmatch("[0-9]{3}(?:[0-9]{2})?", row[0]) or not row[1].strip():  # noqa: PLR2004  # code and name
            faults.append(f"{path.name}:{line}: 应为“编码,名称”两栏，编码为3位或5位数字")
        elif row[0] in names:
            faults.append(f"{path.name}:{line}: 编码 {row[0]} 重复")
        else:
            names[row[0]] = row[1].strip()
    if faults:
        raise faulty(path.name, faults)
    return names
