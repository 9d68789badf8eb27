"""The economic classification (部门预算支出经济分类科目) as configuration: code,name."""

import csv
from pathlib import Path

from perfeval.errors import ConfigurationError


def load_classification(path: Path) -> dict[str, str]:
    """Code → name.

    Raises: ConfigurationError: naming the line that is no code with its name, or a code that stands twice.
    """
    names: dict[str, str] = {}
    faults: list[str] = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        for line, row in enumerate(csv.reader(file), start=1):
            if line == 1 or not row:
                continue
            code, name = row[0].strip(), row[1].strip() if len(row) > 1 else ""
            if not (code.isascii() and code.isdigit() and name):
                faults.append(f"{path.name}:{line}: 应为“编码,名称”")
            elif code in names:
                faults.append(f"{path.name}:{line}: 编码 {code} 重复")
            names[code] = name
    if faults:
        raise ConfigurationError("F04", f"{path.name} 有误：", "按财政部公布的支出经济分类科目改正。", faults=faults)
    return names
