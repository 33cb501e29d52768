"""The file of a report: the HTML page itself, or its print as PDF."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from PIL import ImageFile

from core.base.errors import UserError
from core.base.html_file import check_page_place, write_html, write_whole

ENDINGS = (".html", ".htm", ".pdf")
_SVG_STYLE = (
    "<style>text{fill:#555;font-family:sans-serif;font-size:12px}.on-dark{fill:#fff}.grid{stroke:#bbb}"
    ".right{fill:#4f54c9}.wrong{fill:#c8452d}</style>"
)
"""Charts have the style of the page, which a printer of HTML does not apply inside of them."""
_MISSING = (
    "A report as PDF needs the package WeasyPrint and the library Pango. Install them (pip install maskloop[pdf]), or "
    "write the report as .html and print that from a browser."
)


def check_report_place(path: Path) -> None:
    """Raises UserError where no report can be written, or as PDF without the library for it."""
    check_page_place(path, ENDINGS, "an HTML or PDF file", ".html or .pdf")
    if path.suffix.lower() == ".pdf":
        _printer()


def write_page(path: Path, page: str) -> None:
    """Write a page whole, as its name ends, or leave an older file as it is. Raises UserError."""
    if path.suffix.lower() == ".pdf":
        write_whole(path, print_page(page))
    else:
        write_html(path, page)


def print_page(page: str) -> bytes:
    """The page as PDF. Nothing but what is in the page itself is read. Raises UserError without the library."""
    weasyprint = _printer()
    styled = re.sub(r"<svg [^>]*>", lambda found: found[0] + _SVG_STYLE, page)
    fetcher = weasyprint.urls.URLFetcher(allowed_protocols={"data"})
    pdf: bytes = weasyprint.HTML(string=styled, url_fetcher=fetcher).write_pdf()
    return pdf


def _printer() -> Any:
    truncated = ImageFile.LOAD_TRUNCATED_IMAGES
    try:
        import weasyprint
    except (ImportError, OSError) as missing:  # OSError: without Pango
        raise UserError(_MISSING) from missing
    finally:  # WeasyPrint lets Pillow read half a picture without an error, in the whole process
        ImageFile.LOAD_TRUNCATED_IMAGES = truncated
    return weasyprint
