"""A huge picture in the window: converted with progress when it is shown, given up, and begun again."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from core.images.tiled_pyramid import TiledPyramid
from core.session.loading import picture_loader
from tests.desktop.conftest import GuiDriver
from tests.factories import picture

pytestmark = pytest.mark.qt_log_ignore("does not support")


@pytest.fixture(autouse=True)
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_loader, "MAX_PIXELS", 1_000_000)


def show_large(gui: GuiDriver, folder: Path, side: int) -> None:
    """Make the second picture large, and go to it."""
    Image.fromarray(picture(side, side)).save(folder / "pictures" / "p1.png", compress_level=1)
    gui.session.loader.on_files_added([2])
    gui.labelling.show_picture(2)
    gui.wait_until(gui.page.conversion_sheet.isVisible, "the progress", 20)


def test_a_huge_picture_is_converted_and_shown(gui: GuiDriver, tmp_path: Path) -> None:
    show_large(gui, tmp_path, 1500)
    sheet = gui.page.conversion_sheet
    assert sheet.title.text() == "Preparing p1.png" and sheet.cancel_button.isVisible()
    gui.wait_until(gui.has_picture, "the picture", 120)
    assert gui.record.name == "p1.png" and not sheet.isVisible()
    assert isinstance(gui.canvas.pyramid, TiledPyramid)
    gui.labelling.choose_class(2)
    gui.dab(0.5)
    assert gui.labelled_pixels


def test_a_conversion_is_given_up_and_begun_again(gui: GuiDriver, tmp_path: Path) -> None:
    show_large(gui, tmp_path, 4000)
    sheet = gui.page.conversion_sheet
    gui.click(sheet.cancel_button)
    gui.wait_until(sheet.start_button.isVisible, "the offer to begin again", 60)
    assert sheet.title.text() == "p1.png is not prepared"
    gui.labelling.show_picture(1)
    gui.wait_until(lambda: gui.has_picture() and gui.record.name == "p0.png", "another picture", 20)
    assert not sheet.isVisible()
    gui.labelling.show_picture(2)
    gui.wait_until(sheet.start_button.isVisible, "the offer to begin again", 20)
    gui.click(sheet.start_button)
    assert sheet.bar.isVisible()
    gui.labelling.show_picture(1)
    gui.wait_until(lambda: gui.said == "p1.png is prepared and can be opened.", "the end", 120)
    gui.labelling.show_picture(2)
    gui.wait_until(lambda: gui.has_picture() and gui.record.name == "p1.png", "the picture", 20)


def test_a_damaged_file_says_so(gui: GuiDriver, tmp_path: Path) -> None:
    path = tmp_path / "pictures" / "p1.png"
    Image.fromarray(picture(1500, 1500)).save(path)
    path.write_bytes(path.read_bytes()[:-500_000])
    gui.session.loader.on_files_added([2])
    gui.labelling.show_picture(2)
    gui.wait_until(lambda: "ends too early" in str(gui.canvas._message), "the reason", 60)
    assert not gui.page.conversion_sheet.isVisible()
