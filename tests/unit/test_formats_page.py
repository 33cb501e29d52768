"""What is written about formats is what the table says."""

from __future__ import annotations

from pathlib import Path

from core.formats.page import page
from core.formats.registry import FORMATS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "formats.md"


def test_the_page_is_the_table() -> None:
    assert PAGE.read_text("utf-8") == page(), "write it anew: PAGE.write_text(page())"


def test_every_row_is_complete() -> None:
    for name, row in FORMATS.items():
        assert name == row.name
        assert row.opens or row.writer
        assert row.recognises is None or row.opens
        assert row.loses.endswith(".")
        for cell in (row.title, row.about, row.checked_by):
            assert cell and "|" not in cell and not cell.endswith(".")
