"""What is written about formats is what the table says."""

from __future__ import annotations

from pathlib import Path

from core.formats.docs_page import render_page
from core.formats.readers.registry import IMPORT_FORMATS
from core.formats.writers.registry import EXPORT_FORMATS

PAGE = Path(__file__).resolve().parents[3] / "docs" / "formats.md"


def test_the_page_is_the_table() -> None:
    assert PAGE.read_text("utf-8") == render_page(), "write it anew: PAGE.write_text(page())"


def test_every_row_is_complete() -> None:
    for name, row in [*IMPORT_FORMATS.items(), *EXPORT_FORMATS.items()]:
        assert name == row.name
        assert row.loses.endswith(".")
        for cell in (row.title, row.about, row.checked_by):
            assert cell and "|" not in cell and not cell.endswith(".")
