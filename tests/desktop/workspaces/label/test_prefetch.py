"""The next picture is shown without waiting, and never with an outdated label."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future

import numpy as np
import pytest
from PySide6.QtCore import Qt

from core.base.changes import Changes
from core.labels.label_map import LabelMap, Values
from core.project.records import Status
from tests.desktop.conftest import GuiDriver
from tests.factories import predict, stroke


def until_ready(gui: GuiDriver) -> int:
    """Wait until the next picture is prefetched. Returns its id."""
    ahead = gui.labelling._pictures._prefetcher

    def is_ready() -> bool:
        ready = ahead._result()
        return ready is not None and gui.session.loader.is_current(ready.loaded)

    gui.wait_until(is_ready, "the next picture", 20)
    assert ahead._picture_id is not None
    return ahead._picture_id


def go_on(gui: GuiDriver) -> bool:
    """Press the shortcut for the next picture. Returns whether that picture is active as soon as the key is handled."""
    before = gui.labelling.picture.id
    gui.window.actions_by_id["next_picture"].trigger()
    return gui.labelling.picture.id != before


def stored(gui: GuiDriver, picture_id: int) -> Values:
    """The stored label of a picture."""
    return gui.session.loader.load(picture_id).result(20).labels


def test_the_next_picture_is_shown_at_once_with_its_label(gui: GuiDriver) -> None:
    for name in ("p1.png", "p2.png"):
        expected = until_ready(gui)
        assert go_on(gui)
        assert gui.record.name == name and gui.record.id == expected
        np.testing.assert_array_equal(gui.label_values, stored(gui, expected))
        gui.dab(0.3)
        np.testing.assert_array_equal(stored(gui, expected), gui.label_values)
    assert gui.labelled_pixels > 0
    gui.key(Qt.Key.Key_A)
    gui.wait_until(lambda: gui.record.name == "p1.png", "the way back")
    assert gui.labelled_pixels > 0  # what was painted since it was read ahead
    assert "Brush" in gui.page.option_bar.undo.text()


def paint(gui: GuiDriver, picture_id: int) -> Future[object]:
    edit = stroke(LabelMap.blank(96, 64), 1, (10, 10), (60, 40))
    return gui.session.editing.commit(picture_id, edit)  # type: ignore[return-value]


def mark(gui: GuiDriver, picture_id: int) -> Future[None]:
    return gui.session.editing.set_status(picture_id, Status.DONE)


def merge(gui: GuiDriver, picture_id: int) -> Future[None]:
    return gui.session.editing.merge_class(1, 2)


def undo(gui: GuiDriver, picture_id: int) -> Future[object]:
    return gui.session.editing.undo(picture_id)  # type: ignore[return-value]


@pytest.mark.parametrize("act", [paint, merge, undo, mark])
@pytest.mark.parametrize("is_behind", [False, True])
def test_changes_of_the_next_picture_are_shown(
    gui: GuiDriver, act: Callable[[GuiDriver, int], Future[object]], is_behind: bool
) -> None:
    """Also a change that is still queued: then the picture is shown at once and corrected."""
    coming = until_ready(gui)
    paint(gui, coming).result(20)
    until_ready(gui)
    if is_behind:
        gate = threading.Event()
        gui.session._document.submit(gate.wait, 20)
        future = act(gui, coming)
        assert go_on(gui)
        gate.set()
    else:
        future = act(gui, coming)
        future.result(20)
        go_on(gui)
    gui.wait_until(lambda: gui.labelling.picture.id == coming, "the picture")
    truth, journal = stored(gui, coming), gui.session.editing.journal(coming).result(20)
    gui.wait_until(lambda: np.array_equal(gui.label_values, truth), "its label")
    gui.wait_until(
        lambda: gui.page.option_bar.undo.isEnabled() == (journal.undo_name is not None),
        "what can be taken back",
    )


def test_a_stroke_on_an_outdated_label_is_kept(gui: GuiDriver) -> None:
    coming = until_ready(gui)
    gate = threading.Event()
    gui.session._document.submit(gate.wait, 20)
    paint(gui, coming)
    assert go_on(gui) and gui.labelled_pixels == 0
    edit = stroke(gui.labelling.picture.labels, 2, (70, 10), (80, 50))  # type: ignore[arg-type]
    gui.canvas.tools.edit_finished.emit(edit)
    gate.set()
    gui.wait_until_saved(1)
    gui.wait_until(lambda: np.array_equal(gui.label_values, stored(gui, coming)), "both strokes")
    assert set(np.unique(gui.label_values)) == {0, 1, 2}


def test_the_newer_prediction_is_shown(gui: GuiDriver) -> None:
    coming = until_ready(gui)
    values = np.full((64, 96), 2, np.uint8)
    gui.session._document.submit(predict, gui.session._project, coming, values).result(20)
    ids = frozenset([coming])
    gui.session._document.submit(gui.session._announce, Changes(pictures=ids, predictions=ids)).result(20)
    go_on(gui)
    gui.wait_until(lambda: gui.labelling.picture.prediction is not None, "the prediction")
    assert gui.labelling.picture.id == coming
    np.testing.assert_array_equal(gui.labelling.picture.prediction.values, values)  # type: ignore[union-attr]


def test_only_the_direction_of_the_last_step_is_prefetched(gui: GuiDriver) -> None:
    until_ready(gui)
    assert go_on(gui)
    until_ready(gui)
    assert go_on(gui)
    gui.wait_until(lambda: gui.labelling._pictures._prefetcher._picture_id is None, "the end of the list")
    gui.window.actions_by_id["previous_picture"].trigger()
    assert gui.record.name == "p2.png"  # the one before is on its way
    gui.wait_until(lambda: gui.record.name == "p1.png", "the picture before")
    assert until_ready(gui) == 1
