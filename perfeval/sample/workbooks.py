"""The sample ledgers as workbooks a clerk would keep: the blank ledgers with rows in them, and a word that they are invented."""

from pathlib import Path

from perfeval.ledgers.blanks import workbook
from perfeval.sample.frames import sample_frames
from schemas import BUILT_IN

_YEAR = 2022
_NOTICE = f"（{_YEAR}年度　样例数据，均为虚构，仅供演示）"


def write_sample(folder: Path, scale: int = 1) -> list[Path]:
    """Write the 14 sample ledgers of 2022 into `folder`; the same call writes the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, frame in sample_frames(scale).items():
        model = BUILT_IN[name]
        title = model.ledger_title()
        path = folder / f"{title}.xlsx"
        total = None
        if name == "expenditure":
            total = ["合计", *(frame[header].sum() if header == "金额（元）" else None for header in frame.columns[1:])]
        columns = [column for column in model.columns() if column.header in frame.columns]
        path.write_bytes(workbook(model, columns, _YEAR, title + _NOTICE, frame.iter_rows(), total))
        paths.append(path)
    return paths
