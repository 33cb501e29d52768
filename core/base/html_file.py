"""Writes pages that need no other file, and other small files, whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.base.atomic_file import atomic_file
from core.base.errors import UserError


def check_html_place(path: Path) -> None:
    """Raises UserError where no HTML file can be written."""
    check_page_place(path, (".html", ".htm"), "an HTML file", ".html")


def check_page_place(path: Path, endings: Sequence[str], kind: str, proposed: str) -> None:
    """Raises UserError unless a file whose name ends with one of `endings` can be written. kind, proposed: of the file
    and its ending, for people."""
    if path.suffix.lower() not in endings:
        raise UserError(f"{path} is not the name of {kind}. Give one that ends with {proposed}.")
    if not path.absolute().parent.is_dir():
        raise UserError(f"There is no folder {path.absolute().parent} for the report.")


def write_html(path: Path, page: str) -> None:
    """Write a page whole, or leave an older file as it is. Raises UserError."""
    write_whole(path, page.encode("utf-8", "replace"))


def write_whole(path: Path, content: bytes) -> None:
    """Write a file beside its place and rename it, or leave an older one as it is. Raises UserError."""
    try:
        with atomic_file(path) as unfinished:
            unfinished.write_bytes(content)
    except OSError as problem:
        raise UserError(f"{path} cannot be written: {problem.strerror or problem}.") from problem
