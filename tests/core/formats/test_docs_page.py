"""What is written about formats is what the table says."""

from __future__ import annotations

from pathlib import Path

from core.formats.docs_page import page
from core.formats.readers.registry import FORMATS
from core.formats.writers.registry import OUTGOING

PAGE = Path(__file__).resolve().parents[3] / "docs" / "formats.md"


def test_the_page_is_the_table() -> None:
    assert PAGE.read_text("utf-8") == page(), "write it anew: PAGE.write_text(page())"


def test_every_row_is_complete() -> None:
    for name, row in [*FORMATS.items(), *OUTGOING.items()]:
        assert name == row.name
        assert row.loses.endswith(".")
        for cell in (row.title, row.about, row.checked_by):
            assert cell and "|" not in cell and not cell.endswith(".")
