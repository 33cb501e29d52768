"""Reads files of a dataset by their names, with limits of size, and nothing else: small enough for every sample."""

from __future__ import annotations

import codecs
import os
from io import BufferedReader
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from core.base.errors import FormatError
from core.formats.files import parsers
from core.formats.malformed import MalformedValueError

MAX_JSON_BYTES = 1 << 30
"""Largest JSON file that is read; the COCO annotations of 118,000 pictures are 0.45 GB."""
MAX_TEXT_BYTES = 64 << 20
"""Largest XML, text or CSV file that is read."""
MAX_YAML_BYTES = 1 << 20
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class FileReader:
    """The files below `root` by their names relative to it. It lists nothing, so it is small once pickled.

    Names come from a `DatasetTree`; a reference in a dataset is looked up there first.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, name: str) -> Path:
        """The path of a listed name."""
        return self.root / name

    def note_read(self, name: str) -> None:
        """For a reader that opens a file by its path."""

    def read_ends(self, name: str, size: int = 1 << 16) -> str:
        """Start and end of a file (`size` bytes) as text, to find the keys of a large JSON; empty if unreadable."""
        try:
            with self._open(name) as file:
                content = file.read(size)
                if len(content) == size:
                    file.seek(max(size, os.fstat(file.fileno()).st_size - size))
                    content += file.read(size)
                return content.decode("utf-8-sig", "replace")
        except OSError:
            return ""

    def read_yaml(self, name: str) -> Any:
        """A YAML file, plain values only. Raises FormatError naming the file."""
        try:
            return parsers.parse_yaml_text(self.read_text(name, MAX_YAML_BYTES))
        except MalformedValueError as problem:
            raise FormatError(f"{self.path(name)} is not valid YAML: {problem}.") from problem

    def read_text(self, name: str, limit: int = MAX_TEXT_BYTES) -> str:
        """A text file in UTF-8, or with the byte order mark of UTF-16 or UTF-32. Raises FormatError naming the file."""
        path = self.path(name)
        try:
            with self._open(name) as file:
                # Python allocates as much as is asked for.
                content = file.read(min(limit, os.fstat(file.fileno()).st_size) + 1)
            if len(content) > limit:
                raise FormatError(
                    f"{path} is larger than the limit of {limit >> 20} MB. Split it into smaller files."
                )
            encoding = next((e for mark, e in _BYTE_ORDER_MARKS if content.startswith(mark)), "utf-8-sig")
            text = content.decode(encoding)
        except (OSError, ValueError) as problem:
            if isinstance(problem, UnicodeDecodeError):
                raise FormatError(
                    f"{path} cannot be read: it is not UTF-8 text. Save it as UTF-8."
                ) from problem
            reason = problem.strerror if isinstance(problem, OSError) else "its name is not valid"
            raise FormatError(f"{path} cannot be read: {reason or problem}.") from problem
        self.note_read(name)
        return text

    def read_head(self, name: str, size: int = 4096) -> str:
        """The first `size` bytes of a file as text; empty if it cannot be read."""
        try:
            with self._open(name) as file:
                return file.read(size).decode("utf-8-sig", "replace")
        except OSError:
            return ""

    def read_lines(self, name: str) -> list[str]:
        """The non-empty lines of a text file, stripped. Raises FormatError."""
        try:
            return parsers.split_lines(self.read_text(name))
        except MalformedValueError as problem:
            raise FormatError(f"{self.path(name)} cannot be read: {problem}.") from problem

    def read_json(self, name: str) -> Any:
        """A JSON file. Raises FormatError naming the file."""
        return self.parse_json(name, self.read_text(name, MAX_JSON_BYTES))

    def parse_json(self, name: str, text: str) -> Any:
        """`text` is the content of the file. Raises FormatError naming the file."""
        try:
            return parsers.parse_json_text(text)
        except MalformedValueError as problem:
            raise FormatError(f"{self.path(name)} is not valid JSON: {problem}.") from problem

    def read_xml(self, name: str) -> Element:
        """An XML file; entities, external references and document types are refused. Raises FormatError."""
        try:
            return parsers.parse_xml_text(self.read_text(name))
        except MalformedValueError as problem:
            raise FormatError(f"{self.path(name)} is not valid XML: {problem}.") from problem

    def read_csv(self, name: str) -> list[list[str]]:
        """The non-empty rows of a CSV file with stripped cells. Raises FormatError."""
        try:
            return parsers.parse_csv_text(self.read_text(name))
        except MalformedValueError as problem:
            raise FormatError(f"{self.path(name)} is not a valid CSV table: {problem}.") from problem

    def _open(self, name: str) -> BufferedReader:
        # A Path takes longer than the system: there is a call for each of a hundred thousand files.
        return open(f"{self.root}{os.sep}{name}", "rb")  # noqa: PTH123
