"""The file of summaries: it survives a restart, and a damaged or outdated one is not trusted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.acquisition.picture_summary import DESCRIPTOR_SIZE
from core.session.acquisition.summary_table import SummaryStamp, SummaryTable


def planes(**shares: float) -> tuple[np.ndarray, np.ndarray]:
    found, unsure = np.zeros(256, np.float32), np.zeros(256, np.float32)
    for name, share in shares.items():
        found[int(name[1:])] = share
        unsure[int(name[1:])] = share / 2
    return unsure, found


def filled(count: int) -> SummaryTable:
    table = SummaryTable()
    for i in range(1, count + 1):
        look = np.full(DESCRIPTOR_SIZE, i / 8, np.float16)
        table.put(i, SummaryStamp(10 * i, 20 * i, i, 2), look, *planes(**{f"c{1 + i % 7}": 0.5, "c9": 0.25}))
    return table


def test_rows_come_back_after_growth_removal_and_a_restart(tmp_path: Path) -> None:
    table = filled(200)
    table.remove(5)
    table.remove(200)
    table.remove(777)
    table.put(6, SummaryStamp(1, 2, 3, 4), np.zeros(DESCRIPTOR_SIZE, np.float16), *planes(c254=1.0))
    table.save(tmp_path / "cache" / "queue.bin")
    again = SummaryTable.load(tmp_path / "cache" / "queue.bin")
    for each in (table, again):
        assert sorted(each.ids()) == [i for i in range(1, 200) if i != 5]
        assert each.stamp(6) == SummaryStamp(1, 2, 3, 4)
        assert each.stamp(199) == SummaryStamp(1990, 3980, 199, 2)
        assert each.stamp(5) is None
        columns = each.columns()
        row = columns.ids.tolist().index(199)
        assert columns.descriptors[row].tolist() == [199 / 8] * DESCRIPTOR_SIZE
        shares = dict(zip(columns.classes.tolist(), columns.shares[row].tolist(), strict=True))
        assert {value: share for value, share in shares.items() if share} == {1 + 199 % 7: 0.5, 9: 0.25}
        unsure = dict(zip(columns.classes.tolist(), columns.unsure[row].tolist(), strict=True))
        assert unsure[9] == 0.125
        only = columns.shares[columns.ids.tolist().index(6)]
        assert columns.classes[np.flatnonzero(only)].tolist() == [254]
    table.put(6, SummaryStamp(1, 2, 3, 5), np.zeros(DESCRIPTOR_SIZE, np.float16), *planes(c9=1.0))
    assert 254 not in table.columns().classes, "a class that no picture has any more"


def test_an_empty_table_has_a_file_too(tmp_path: Path) -> None:
    SummaryTable().save(tmp_path / "queue.bin")
    assert SummaryTable.load(tmp_path / "queue.bin").ids() == []
    assert SummaryTable.load(tmp_path / "none.bin").ids() == []


@pytest.mark.parametrize(
    "damage", ["cut", "longer", "flipped", "version", "classes", "rows", "no json", "folder"]
)
def test_a_damaged_file_is_not_trusted(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "queue.bin"
    filled(20).save(path)
    whole = path.read_bytes()
    head, body = whole.split(b"\n", 1)
    damaged = {
        "cut": whole[:-1],
        "longer": whole + b"0",
        "flipped": head + b"\n" + bytes([body[0] ^ 1]) + body[1:],
        "version": whole.replace(b"queue 2", b"queue 3", 1),
        "classes": whole.replace(b'"classes":[2', b'"classes":[0', 1),
        "rows": whole.replace(b'"rows":20', b'"rows":9999999999999', 1),
        "no json": b"\x00\xff" * 100,
        "folder": b"",
    }[damage]
    assert damaged != whole
    path.unlink()
    if damage == "folder":
        path.mkdir()
    else:
        path.write_bytes(damaged)
    assert len(SummaryTable.load(path)) == 0
