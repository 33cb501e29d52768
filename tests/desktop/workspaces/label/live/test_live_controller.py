"""Live prediction in the real window, with its real process: strokes, undo, another picture, classes, the switch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.base.changes import Changes
from core.base.geometry import Box, Point
from core.live.head_comparison import HeadComparison
from core.session.live import live_process, picture_part
from tests.desktop.conftest import GuiDriver
from tests.factories import predict, truth

TIMEOUT = 120


@pytest.fixture
def live(gui: GuiDriver) -> Iterator[GuiDriver]:
    switch = gui.window.actions_by_id["live_prediction"]
    switch.setChecked(True)
    yield gui
    switch.setChecked(False)  # the window is used by the tests that follow


def dab_both(gui: GuiDriver) -> None:
    """A dab of class 1 in the left half and one of class 2 in the right half."""
    gui.key(Qt.Key.Key_1)
    gui.dab(0.25)
    gui.key(Qt.Key.Key_2)
    gui.dab(0.75)


def wait_for_live(gui: GuiDriver) -> None:
    gui.wait_until(lambda: gui.labelling.picture.live_prediction is not None, "a live prediction", TIMEOUT)


def live_agreement(gui: GuiDriver) -> float:
    mask = gui.labelling.picture.live_prediction
    assert mask is not None
    return float((mask.values == truth()).mean())


def test_two_strokes_predict_the_rest_and_can_be_accepted(live: GuiDriver) -> None:
    dab_both(live)
    wait_for_live(live)
    live.wait_until(lambda: live_agreement(live) > 0.9, "a good live prediction", TIMEOUT)
    assert live.labelling.picture.predicted_by(1, 1) == "live"
    live.window.actions_by_id["accept_all"].trigger()
    live.wait_until(lambda: bool((live.label_values > 0).all()), "the accepted label", TIMEOUT)
    assert (live.label_values == truth()).mean() > 0.9


def test_one_class_says_what_is_missing(live: GuiDriver) -> None:
    live.key(Qt.Key.Key_1)
    live.dab(0.25)
    live.wait_until(lambda: "second class" in live.said, "what is missing", TIMEOUT)
    assert live.labelling.picture.live_prediction is None
    live.key(Qt.Key.Key_2)
    live.dab(0.75)
    wait_for_live(live)
    assert live.said == ""


def test_undo_takes_its_prediction_back(live: GuiDriver) -> None:
    dab_both(live)
    wait_for_live(live)
    live.window.actions_by_id["undo"].trigger()
    live.wait_until(lambda: live.labelling.picture.live_prediction is None, "one class is too few", TIMEOUT)


def test_the_next_picture_is_predicted_from_this_one(live: GuiDriver) -> None:
    dab_both(live)
    wait_for_live(live)
    before = live.labelling.picture.id
    live.key(Qt.Key.Key_D)
    live.wait_until(lambda: live.labelling.picture.id != before, "the next picture", TIMEOUT)
    wait_for_live(live)
    live.wait_until(lambda: live_agreement(live) > 0.9, "a good live prediction", TIMEOUT)


def test_the_switch_ends_it_and_is_remembered(live: GuiDriver) -> None:
    settings = live.window._settings
    assert settings.get("live_prediction") == "auto"
    dab_both(live)
    wait_for_live(live)
    live.window.actions_by_id["live_prediction"].trigger()
    assert settings.get("live_prediction") == "off"
    assert live.labelling.picture.live_prediction is None
    live.dab(0.5)
    assert live.labelling.picture.live_prediction is None


@pytest.mark.parametrize("is_merged", [False, True])
def test_a_class_deleted_or_merged_before_the_answer_arrives_is_never_shown(
    live: GuiDriver, is_merged: bool
) -> None:
    live.key(Qt.Key.Key_2)
    live.dab(0.75)
    editing, picture = live.session.editing, live.labelling.picture
    shown: list[set[int]] = []

    def note() -> None:
        if picture.live_prediction is not None and 2 not in editing.classes.values:
            shown.append(set(np.unique(picture.live_prediction.values).tolist()))

    live.labelling._live.prediction_changed.connect(note)
    live.key(Qt.Key.Key_1)
    live.dab(0.25)
    if is_merged:
        editing.merge_class(2, 1)
    else:
        editing.delete_class(2)
    live.wait_until(lambda: "second class" in live.said, "one class is left", TIMEOUT)
    live.wait_until(lambda: not (live.label_values == 2).any(), "the label of now", TIMEOUT)
    assert picture.live_prediction is None
    assert shown == []
    assert (live.label_values == 1).any()
    live.labelling._live.prediction_changed.disconnect(note)


def test_a_process_whose_cache_is_full_answers_all_the_same(
    live: GuiDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_process, "MODULE", "tests.desktop.workspaces.label.live.worker_without_cache")
    dab_both(live)
    wait_for_live(live)
    first = live.labelling.picture.id
    for key in (Qt.Key.Key_D, Qt.Key.Key_A):
        before = live.labelling.picture.id
        live.key(key)
        live.wait_until(lambda before=before: live.labelling.picture.id != before, "another picture", TIMEOUT)
        wait_for_live(live)
        live.wait_until(lambda: live_agreement(live) > 0.9, "a good live prediction", TIMEOUT)
    assert live.labelling.picture.id == first


def test_an_answer_that_arrives_late_is_dropped(live: GuiDriver) -> None:
    dab_both(live)
    wait_for_live(live)
    controller = live.labelling._live
    answer = controller._answer
    assert answer is not None
    before = live.labelling.picture.id
    live.key(Qt.Key.Key_D)
    live.wait_until(lambda: live.labelling.picture.id != before, "the next picture", TIMEOUT)
    live.key(Qt.Key.Key_A)
    live.wait_until(lambda: live.labelling.picture.id == before, "the first picture", TIMEOUT)
    controller._on_answer(answer)  # to the label and the file as they were then
    live.wait(30)
    assert controller._answer is not answer


def test_a_new_colour_keeps_the_prediction_and_a_merged_class_takes_it_away(live: GuiDriver) -> None:
    dab_both(live)
    wait_for_live(live)
    live.session.editing.change_class(1, colour=(1, 2, 3)).result()
    live.wait(50)
    assert live.labelling.picture.live_prediction is not None
    live.session.editing.merge_class(2, 1).result()
    live.wait_until(lambda: "second class" in live.said, "one class is left", TIMEOUT)
    assert live.labelling.picture.live_prediction is None


def test_of_a_giant_the_visible_part_is_predicted_and_the_next_one_after_a_pan(
    live: GuiDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture_part, "MAX_PICTURE_PIXELS", 1000)
    monkeypatch.setattr(picture_part, "PART_SIDE", 128)
    dab_both(live)
    picture = live.labelling.picture

    def right_in_view() -> bool:
        box, mask = picture.live_box, picture.live_prediction
        seen = live.canvas.viewport.visible_part()
        if box is None or mask is None or seen.intersection(box) != seen:
            return False
        return float((mask.values == truth())[box.slices].mean()) > 0.9

    live.wait_until(right_in_view, "a good live prediction of all that is visible", TIMEOUT)
    monkeypatch.setattr(picture_part, "PART_SIDE", 32)
    live.canvas.zoom_at(live.canvas.widget_point(Point(48, 32)), 8)
    live.wait_until(
        lambda: picture.live_box != Box(0, 0, 96, 64) and right_in_view(), "one of a part", TIMEOUT
    )
    first = picture.live_box
    live.canvas.pan_by(-38 * (live.canvas.widget_point(Point(1, 0)) - live.canvas.widget_point(Point(0, 0))))
    live.wait_until(right_in_view, "one of the part that was panned to", TIMEOUT)
    assert picture.live_box != first
    QTest.mouseMove(live.canvas, live.position_of(86 / 96, 0.5))
    status = live.window.status_bar.pixel
    live.wait_until(
        lambda: "predicted roof" in status.text() and "(live)" in status.text(), "who says so", TIMEOUT
    )


def test_too_much_of_a_giant_gets_a_sentence(live: GuiDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_part, "MAX_PICTURE_PIXELS", 1000)
    monkeypatch.setattr(picture_part, "MAX_PART_PIXELS", 1000)
    dab_both(live)
    live.wait_until(lambda: "Zoom in to get a live prediction" in live.said, "the reason", TIMEOUT)
    assert live.labelling.picture.live_prediction is None


def test_the_setting_is_followed_while_the_project_is_open(live: GuiDriver) -> None:
    dab_both(live)
    wait_for_live(live)
    live.window._settings.set("live_prediction", "off")
    live.window._setting_changed("live_prediction", "off")
    assert live.labelling.picture.live_prediction is None
    assert not live.window.actions_by_id["live_prediction"].isChecked()
    live.window._settings.set("live_prediction", "always")
    live.window._setting_changed("live_prediction", "always")
    wait_for_live(live)
    assert live.window.actions_by_id["live_prediction"].isChecked()


def test_the_better_of_head_and_network_is_shown(live: GuiDriver) -> None:
    dab_both(live)
    wait_for_live(live)
    shown = live.labelling.picture.id
    assert shown is not None
    project = live.session._project
    live.session._document.submit(predict, project, shown, np.ones((64, 96), np.uint8)).result()
    session = live.session
    session.training._predictions._run = session._document.submit(project.runs.latest_published).result()
    controller = live.labelling._live
    session.live.comparison = HeadComparison(0.4, 0.6, 1)
    controller._show()
    assert live.labelling.picture.live_prediction is None
    session.live.comparison = HeadComparison(0.7, 0.6, 1)
    controller._show()
    assert live.labelling.picture.live_prediction is not None


def test_undo_before_the_answer_arrives_shows_none_of_the_undone_stroke(live: GuiDriver) -> None:
    dab_both(live)  # the process is still starting: no answer is there yet
    live.window.actions_by_id["undo"].trigger()
    live.wait_until(lambda: not (live.label_values == 2).any(), "the undo", TIMEOUT)
    shown: list[bool] = []
    changed = live.labelling._live.prediction_changed
    changed.connect(lambda: shown.append(live.labelling.picture.live_prediction is not None))
    service = live.session.live
    live.wait_until(lambda: service._process is not None, "the process", TIMEOUT)
    live.wait_until(lambda: service._settled == service._number, "the answer to the undo", TIMEOUT)
    live.wait(100)
    assert live.labelling.picture.live_prediction is None
    assert not any(shown)
    changed.disconnect()


def test_another_picture_before_the_answer_arrives_gets_its_own(live: GuiDriver) -> None:
    dab_both(live)
    before = live.labelling.picture.id
    live.key(Qt.Key.Key_D)
    live.wait_until(lambda: live.labelling.picture.id != before, "the next picture", TIMEOUT)
    wait_for_live(live)
    answer = live.labelling._live._answer
    assert answer is not None
    assert answer.picture_id == live.labelling.picture.id


def test_a_class_added_before_the_answer_arrives_neither_delays_nor_spoils_it(live: GuiDriver) -> None:
    dab_both(live)
    live.session.editing.add_classes(["pond"]).result()
    wait_for_live(live)
    live.wait_until(lambda: live_agreement(live) > 0.9, "a good live prediction", TIMEOUT)
    live.key(Qt.Key.Key_3)
    live.dab(0.5)
    live.wait_until(
        lambda: 3 in (live.labelling._live._answer.classes if live.labelling._live._answer else ()),
        "an answer with the new class",
        TIMEOUT,
    )


def test_a_process_that_dies_is_started_again_and_says_so(live: GuiDriver) -> None:
    dab_both(live)
    wait_for_live(live)
    first = live.session.live._process
    assert first is not None
    first.kill()
    live.wait_until(lambda: live.session.live._process is not first, "its end", TIMEOUT)
    assert live.labelling.picture.live_prediction is not None  # what was shown stays
    live.dab(0.9)
    live.wait_until(lambda: live.session.live._process is not None, "another process", TIMEOUT)
    controller = live.labelling._live
    before = controller._answer
    live.wait_until(lambda: controller._answer is not before, "its answer", TIMEOUT)
    assert live_agreement(live) > 0.9


def test_the_window_says_that_it_is_being_prepared(live: GuiDriver) -> None:
    said: list[str] = []
    live.labelling._live.message.connect(said.append)
    live.wait_until(lambda: "each of two classes" in live.said, "what is missing", TIMEOUT)
    dab_both(live)
    wait_for_live(live)
    live.wait_until(lambda: live.said == "", "the word that it is there", TIMEOUT)
    assert [each for each in said if "Preparing" in each]
    live.labelling._live.message.disconnect(said.append)


def test_strokes_correct_the_prediction_of_the_network(live: GuiDriver) -> None:
    shown = live.labelling.picture.id
    assert shown is not None
    project = live.session._project
    live.session._document.submit(predict, project, shown, np.ones((64, 96), np.uint8), 150).result()
    run = live.session._document.submit(project.runs.latest_published).result()
    live.session.training._predictions._run = run
    live.session._announce(Changes(pictures=frozenset([shown]), predictions=frozenset([shown])))
    picture = live.labelling.picture
    live.wait_until(lambda: picture.network_prediction is not None, "the network's prediction", TIMEOUT)
    assert picture.live_prediction is None
    assert picture.network_prediction is not None
    run_id = picture.network_prediction.run_id
    live.key(Qt.Key.Key_2)
    live.dab(0.75)  # one class: the other one is what the network says
    live.wait_until(lambda: picture.live_prediction is not None, "a corrected prediction", TIMEOUT)
    assert picture.predicted_by(1, 1) == f"live on run {run_id}"
    QTest.mouseMove(live.canvas, live.position_of(0.8, 0.8))
    status = live.window.status_bar.pixel
    live.wait_until(
        lambda: f"% (live on run {run_id})" in status.text(), "who predicts, and how sure", TIMEOUT
    )
    live.wait_until(lambda: live_agreement(live) > 0.6, "what the stroke corrects", TIMEOUT)
    live.window.actions_by_id["undo"].trigger()
    live.wait_until(lambda: picture.live_prediction is None, "the network's again", TIMEOUT)
    assert picture.predicted_by(1, 1) == f"run {run_id}"
