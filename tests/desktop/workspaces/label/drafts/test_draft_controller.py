"""Shapes that are left unfinished: kept with their picture, offered again, and there after a crash."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.project.project import Project
from core.tools import deferred
from desktop.tour.window_driver import NO_MODIFIER
from desktop.workspaces.label.drafts.draft_controller import SETTING
from desktop.workspaces.label.drafts.draft_offer import DraftOffer
from tests.desktop.conftest import GuiDriver
from tests.factories import project_in

pytestmark = pytest.mark.qt_log_ignore("does not support")

CORNERS = ((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8))
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture(autouse=True)
def restored_setting(gui: GuiDriver) -> Iterator[None]:
    yield
    gui.window._settings.set(SETTING, "keep")


def offer_of(gui: GuiDriver) -> DraftOffer:
    return gui.page.draft_offer


def click(gui: GuiDriver, *corners: tuple[float, float]) -> None:
    for corner in corners:
        QTest.mouseClick(gui.canvas, LEFT, pos=gui.position_of(*corner))


def draw(gui: GuiDriver, tool: str = "tool_polygon") -> None:
    gui.labelling.choose_class(2)
    gui.window.actions_by_id[tool].trigger()
    click(gui, *CORNERS)
    gui.wait(50)


def id_of(gui: GuiDriver, name: str) -> int:
    records = (gui.session.pictures.at(row) for row in range(len(gui.session.pictures)))
    return next(record.id for record in records if record.name == name)


def show(gui: GuiDriver, name: str) -> None:
    gui.labelling.show_picture(id_of(gui, name))
    gui.wait_until(lambda: gui.has_picture() and gui.record.name == name, name)


def offered(gui: GuiDriver) -> str:
    """What the sheet offers, once it is there."""
    gui.wait_until(offer_of(gui).isVisible, "the offer", 10)
    return offer_of(gui).text.text()


def stored(gui: GuiDriver, picture: str = "p0.png") -> list[str]:
    """The kinds of shapes that are stored with a picture."""
    return [draft.title for draft in gui.session.drafts.read(id_of(gui, picture)).result(30)]


def fill_of_corners(gui: GuiDriver) -> np.ndarray:
    height, width = gui.label_values.shape
    wanted = np.zeros((height, width), bool)
    wanted[round(height * 0.2) : round(height * 0.8), round(width * 0.2) : round(width * 0.8)] = True
    return wanted


def assert_filled(gui: GuiDriver) -> None:
    gui.wait_until(lambda: gui.labelled_pixels > 0, "the label", 10)
    wanted = fill_of_corners(gui)
    both = (gui.label_values == 2) & wanted
    assert both.sum() / ((gui.label_values == 2) | wanted).sum() > 0.9


def test_another_picture_keeps_the_polygon_and_its_own_picture_offers_it(gui: GuiDriver) -> None:
    draw(gui)
    show(gui, "p1.png")
    assert gui.said == "The unfinished polygon was kept with its picture."
    assert not offer_of(gui).isVisible() and stored(gui) == ["polygon"]
    gui.labelling.choose_class(1)
    gui.window.actions_by_id["tool_brush"].trigger()
    show(gui, "p0.png")
    assert offered(gui) == "Unfinished polygon (4 points, roof)."
    shown = gui.canvas._overlays._left_shape
    assert shown is not None and len(shown[0].points) == 4
    [roof] = [each for each in gui.session.editing.classes.classes if each.name == "roof"]
    assert shown[1].getRgb()[:3] == roof.colour
    corner = gui.canvas.widget_point(shown[0].points[0]).toPoint()
    with_shape = gui.canvas.grab().toImage().copy(corner.x() - 4, corner.y() - 4, 9, 9)
    assert gui.labelled_pixels == 0, "nothing was filled"
    gui.click(offer_of(gui).continue_button)
    assert gui.canvas.tools.tool.name == "polygon" and gui.canvas.hasFocus()
    assert not offer_of(gui).isVisible() and stored(gui) == ["polygon"]
    assert gui.canvas._overlays._left_shape is None
    gui.key(Qt.Key.Key_Escape)
    gui.wait(50)
    assert gui.canvas.grab().toImage().copy(corner.x() - 4, corner.y() - 4, 9, 9) != with_shape
    draw(gui)
    gui.key(Qt.Key.Key_Return)
    assert_filled(gui)
    assert stored(gui) == []


def test_another_tool_leaves_the_shape_and_offers_it_at_once(gui: GuiDriver) -> None:
    draw(gui)
    gui.window.actions_by_id["tool_brush"].trigger()
    assert "Unfinished polygon" in offered(gui) and gui.labelled_pixels == 0
    gui.click(offer_of(gui).discard_button)
    assert not offer_of(gui).isVisible() and stored(gui) == []
    assert gui.window.actions_by_id["continue_shape"].trigger() is None
    assert gui.said == "No shape was left unfinished in this picture."


def test_several_shapes_are_offered_one_after_the_other(gui: GuiDriver) -> None:
    draw(gui)
    draw(gui, "tool_scissors")
    gui.window.actions_by_id["tool_brush"].trigger()
    assert offered(gui) == "Unfinished outline with scissors (4 points, roof), and 1 more."
    assert stored(gui) == ["polygon", "outline with scissors"]
    gui.click(offer_of(gui).fill_button)
    assert offered(gui) == "Unfinished polygon (4 points, roof)."
    gui.wait_until(lambda: gui.labelled_pixels > 0, "the label", 20)
    gui.click(offer_of(gui).continue_button)
    click(gui, (0.5, 0.9))
    gui.window.actions_by_id["continue_shape"].trigger()
    assert stored(gui) == ["polygon"]
    gui.key(Qt.Key.Key_Escape)
    assert stored(gui) == [], "Esc discards"


@pytest.mark.parametrize(("choice", "filled"), [("fill", True), ("discard", False)])
def test_the_choice_is_remembered_and_followed(gui: GuiDriver, choice: str, filled: bool) -> None:
    draw(gui)
    gui.window.actions_by_id["tool_brush"].trigger()
    offered(gui)
    action = next(a for a in offer_of(gui).choices.actions() if a.data() == choice)
    action.trigger()
    assert gui.window._settings.get(SETTING) == choice
    gui.click(offer_of(gui).discard_button)
    draw(gui)
    show(gui, "p1.png")
    assert gui.said == ("" if filled else "The unfinished polygon was discarded.")
    show(gui, "p0.png")
    gui.wait(200)
    assert not offer_of(gui).isVisible() and stored(gui) == []
    if filled:
        assert_filled(gui)
    else:
        assert gui.labelled_pixels == 0


def test_what_cannot_be_filled_is_kept(gui: GuiDriver) -> None:
    gui.window._settings.set(SETTING, "fill")
    gui.window.actions_by_id["tool_polygon"].trigger()
    click(gui, *CORNERS[:2])
    gui.window.actions_by_id["tool_brush"].trigger()
    assert "Unfinished polygon (2 points" in offered(gui)


def test_a_class_that_is_gone_is_said(gui: GuiDriver) -> None:
    draw(gui)
    gui.window.actions_by_id["tool_brush"].trigger()
    offered(gui)
    gui.session.editing.change_class(2, name="cover")
    gui.wait_until(lambda: gui.session.editing.classes.by_value(2).name == "cover", "the new name", 10)
    gui.click(offer_of(gui).continue_button)
    assert gui.said == "There is no class “roof” any more; the shape gets the class that is active."


def test_a_lasso_that_another_picture_interrupts_is_not_filled(gui: GuiDriver) -> None:
    gui.labelling.choose_class(2)
    gui.window.actions_by_id["tool_lasso"].trigger()
    QTest.mousePress(gui.canvas, LEFT, NO_MODIFIER, gui.position_of(*CORNERS[0]))
    for corner in CORNERS[1:]:
        QTest.mouseMove(gui.canvas, gui.position_of(*corner))
    show(gui, "p1.png")
    QTest.mouseRelease(gui.canvas, LEFT, NO_MODIFIER, gui.position_of(*CORNERS[0]))
    assert gui.labelled_pixels == 0
    show(gui, "p0.png")
    assert "Unfinished lasso" in offered(gui) and gui.labelled_pixels == 0
    gui.click(offer_of(gui).fill_button)
    assert_filled(gui)


def test_a_large_shape_stays_stored_until_it_is_painted(
    gui: GuiDriver, go_on, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deferred, "MAX_IMMEDIATE_PIXELS", 0)
    draw(gui)
    gui.key(Qt.Key.Key_Return)
    assert stored(gui) == ["polygon"] and gui.labelled_pixels == 0
    go_on.set()
    assert_filled(gui)
    gui.wait_until(lambda: stored(gui) == [], "the end of the draft", 10)


def test_closing_the_window_keeps_the_shape(gui: GuiDriver, tmp_path: Path) -> None:
    draw(gui)
    assert gui.window.close_project()
    gui.window.open_project(tmp_path / "pictures")
    gui.wait_until(gui.has_picture, "a picture", 20)
    assert "Unfinished polygon (4 points, roof)" in offered(gui)


@pytest.mark.parametrize("tool", ["tool_polygon", "tool_scissors"])
def test_a_killed_window_loses_no_corner(gui: GuiDriver, tmp_path: Path, tool: str) -> None:
    killed = tmp_path / "killed"
    project_in(killed / "pictures").close()
    corners = [f"{across},{down}" for across, down in CORNERS]
    command = [sys.executable, "-m", f"{__package__}.shape_window", str(killed), tool, *corners]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            assert [child.stdout.readline() for _ in CORNERS] == ["stored\n"] * len(CORNERS)
        finally:
            child.kill()
    assert child.returncode == -signal.SIGKILL
    with Project.open_read_only(killed / "pictures") as project:
        assert project.journal.history(project.pictures.all()[0].id) == [], "nothing was filled"
    gui.window.close_project()
    gui.window.open_project(killed / "pictures")
    gui.wait_until(gui.has_picture, "a picture", 20)
    assert "(4 points, grass)" in offered(gui)
    gui.click(offer_of(gui).fill_button)
    gui.wait_until(lambda: gui.labelled_pixels > 0, "the label", 20)
    inside = gui.label_values[fill_of_corners(gui)]
    # The scissors follow the edges of the picture, not the straight lines between the corners.
    assert (inside == 1).mean() > (0.9 if tool == "tool_polygon" else 0.6)
