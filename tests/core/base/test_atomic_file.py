"""A file is written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.base.atomic_file import atomic_file


def test_a_file_is_renamed_to_its_place_with_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "new" / ("n" * 250)
    with atomic_file(path) as unfinished:
        unfinished.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_after_an_error_the_older_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(OSError, match="full"), atomic_file(path) as unfinished:
        unfinished.write_text("half")
        raise OSError("full")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
