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
from core.labels.prediction import PredictedMask, write_prediction
from core.project.records import Status
from tests.desktop.conftest import Desk
from tests.factories import stroke


def until_ready(desk: Desk) -> int:
    """Wait until the next picture is prefetched. Returns its id."""
    ahead = desk.labelling._pictures._prefetcher

    def is_ready() -> bool:
        ready = ahead._result()
        return ready is not None and desk.session.loader.is_current(ready.loaded)

    desk.wait_until(is_ready, "the next picture", 20)
    assert ahead._picture_id is not None
    return ahead._picture_id


def go_on(desk: Desk) -> bool:
    """Press the shortcut for the next picture. Returns whether that picture is active as soon as the key is handled."""
    before = desk.labelling.picture.id
    desk.window.actions_by_id["next_picture"].trigger()
    return desk.labelling.picture.id != before


def stored(desk: Desk, picture_id: int) -> Values:
    """The stored label of a picture."""
    return desk.session.loader.load(picture_id).result(20).labels


def test_the_next_picture_is_shown_at_once_with_its_label(desk: Desk) -> None:
    for name in ("p1.png", "p2.png"):
        expected = until_ready(desk)
        assert go_on(desk)
        assert desk.record.name == name and desk.record.id == expected
        np.testing.assert_array_equal(desk.label_values, stored(desk, expected))
        desk.dab(0.3)
        np.testing.assert_array_equal(stored(desk, expected), desk.label_values)
    assert desk.labelled_pixels > 0
    desk.key(Qt.Key.Key_A)
    desk.wait_until(lambda: desk.record.name == "p1.png", "the way back")
    assert desk.labelled_pixels > 0  # what was painted since it was read ahead
    assert "Brush" in desk.page.option_bar.undo.text()


def paint(desk: Desk, picture_id: int) -> Future[object]:
    edit = stroke(LabelMap.blank(96, 64), 1, (10, 10), (60, 40))
    return desk.session.editing.commit(picture_id, edit)  # type: ignore[return-value]


def mark(desk: Desk, picture_id: int) -> Future[None]:
    return desk.session.editing.set_status(picture_id, Status.DONE)


def merge(desk: Desk, picture_id: int) -> Future[None]:
    return desk.session.editing.merge_class(1, 2)


def undo(desk: Desk, picture_id: int) -> Future[object]:
    return desk.session.editing.undo(picture_id)  # type: ignore[return-value]


@pytest.mark.parametrize("act", [paint, merge, undo, mark])
@pytest.mark.parametrize("is_behind", [False, True])
def test_changes_of_the_next_picture_are_shown(
    desk: Desk, act: Callable[[Desk, int], Future[object]], is_behind: bool
) -> None:
    """Also a change that is still queued: then the picture is shown at once and corrected."""
    coming = until_ready(desk)
    paint(desk, coming).result(20)
    until_ready(desk)
    if is_behind:
        gate = threading.Event()
        desk.session._document.submit(gate.wait, 20)
        future = act(desk, coming)
        assert go_on(desk)
        gate.set()
    else:
        future = act(desk, coming)
        future.result(20)
        go_on(desk)
    desk.wait_until(lambda: desk.labelling.picture.id == coming, "the picture")
    truth, journal = stored(desk, coming), desk.session.editing.journal(coming).result(20)
    desk.wait_until(lambda: np.array_equal(desk.label_values, truth), "its label")
    desk.wait_until(
        lambda: desk.page.option_bar.undo.isEnabled() == (journal.undo_name is not None),
        "what can be taken back",
    )


def test_a_stroke_on_an_outdated_label_is_kept(desk: Desk) -> None:
    coming = until_ready(desk)
    gate = threading.Event()
    desk.session._document.submit(gate.wait, 20)
    paint(desk, coming)
    assert go_on(desk) and desk.labelled_pixels == 0
    edit = stroke(desk.labelling.picture.labels, 2, (70, 10), (80, 50))  # type: ignore[arg-type]
    desk.canvas.tools.edit_finished.emit(edit)
    gate.set()
    desk.wait_until_saved(1)
    desk.wait_until(lambda: np.array_equal(desk.label_values, stored(desk, coming)), "both strokes")
    assert set(np.unique(desk.label_values)) == {0, 1, 2}


def test_the_newer_prediction_is_shown(desk: Desk) -> None:
    coming = until_ready(desk)
    values = np.full((64, 96), 2, np.uint8)
    path = desk.session._project.prediction_path(coming)
    write_prediction(path, PredictedMask(values, values))
    ids = frozenset([coming])
    desk.session._document.submit(desk.session._announce, Changes(pictures=ids, predictions=ids)).result(20)
    go_on(desk)
    desk.wait_until(lambda: desk.labelling.picture.prediction is not None, "the prediction")
    assert desk.labelling.picture.id == coming
    np.testing.assert_array_equal(desk.labelling.picture.prediction.values, values)  # type: ignore[union-attr]


def test_only_the_direction_of_the_last_step_is_prefetched(desk: Desk) -> None:
    until_ready(desk)
    assert go_on(desk)
    until_ready(desk)
    assert go_on(desk)
    desk.wait_until(lambda: desk.labelling._pictures._prefetcher._picture_id is None, "the end of the list")
    desk.window.actions_by_id["previous_picture"].trigger()
    assert desk.record.name == "p2.png"  # the one before is on its way
    desk.wait_until(lambda: desk.record.name == "p1.png", "the picture before")
    assert until_ready(desk) == 1
