"""The tour writes beside what is in its folder, never over it."""

from __future__ import annotations

from pathlib import Path

from desktop.tour.window_driver import WindowDriver


def test_a_folder_of_others_is_left_alone(tmp_path: Path) -> None:
    assert WindowDriver.unused_path(tmp_path / "export") == tmp_path / "export"
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "thesis.txt").write_text("three years", "utf-8")
    (tmp_path / "export-2").symlink_to(tmp_path / "nowhere")
    assert WindowDriver.unused_path(tmp_path / "export") == tmp_path / "export-3"
    assert (tmp_path / "export" / "thesis.txt").read_text("utf-8") == "three years"
