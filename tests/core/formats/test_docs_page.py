"""docs/formats.md is the generated page, and the registries are complete."""

from __future__ import annotations

from pathlib import Path

from core.formats.docs_page import render_page
from core.formats.readers.registry import IMPORT_FORMATS
from core.formats.writers.registry import EXPORT_FORMATS

PAGE = Path(__file__).resolve().parents[3] / "docs" / "formats.md"


def test_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == render_page(), "regenerate it: PAGE.write_text(render_page())"


def test_every_format_is_described() -> None:
    for name, row in [*IMPORT_FORMATS.items(), *EXPORT_FORMATS.items()]:
        assert name == row.name
        assert row.limitations.endswith(".")
        for cell in (row.title, row.about, row.tested_with):
            assert cell and "|" not in cell and not cell.endswith(".")
