"""Places like a correction in the real window: offered, walked through, left out, accepted, undone, forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.session.live.similar_places import SimilarPlaces
from desktop.main_window import MainWindow
from desktop.workspaces.label.live.similar_places_controller import SimilarPlacesController
from tests.desktop.conftest import GuiDriver
from tests.spotted_pictures import SIZE, spots, spotted_project, spotted_truth

TIMEOUT = 60


@pytest.fixture
def live(one_window: tuple[MainWindow, list[BaseException]], tmp_path: Path) -> Iterator[GuiDriver]:
    window, mistakes = one_window
    spotted_project(tmp_path / "pictures").close()
    made = GuiDriver(window)
    window.open_project(tmp_path / "pictures")
    made.wait_until(made.has_picture, "a picture", 20)
    made.wait_until(lambda: len(made.session.pictures) == 2, "all pictures", 20)
    switch = window.actions_by_id["live_prediction"]
    switch.setChecked(True)
    yield made
    switch.setChecked(False)
    window.close_project()
    window.show_message("")
    assert mistakes == []


def controller(gui: GuiDriver) -> SimilarPlacesController:
    return gui.labelling._similar_places


def paint(gui: GuiDriver, value: int, x: int, y: int) -> None:
    """A dab of a class around an image pixel, until it is stored."""
    gui.key(Qt.Key(Qt.Key.Key_0 + value))
    before = gui.labelling.edit_queue.stored_count
    at = gui.position_of(x / SIZE[0], y / SIZE[1])
    QTest.mouseClick(gui.canvas, Qt.MouseButton.LeftButton, pos=at)
    gui.wait_until_saved(before + 1)


def wait_for_refined(gui: GuiDriver) -> None:
    """To the newest request: the answer before it may still be there."""

    def is_there() -> bool:
        answer = gui.labelling._live._answer
        is_newest = answer is not None and gui.session.live.is_newest(answer)
        return is_newest and answer.refined and answer.mask is not None

    gui.wait_until(is_there, "a refined answer", TIMEOUT)


def go_to(gui: GuiDriver, key: Qt.Key) -> None:
    before = gui.labelling.picture.id
    gui.key(key)
    gui.wait_until(lambda: gui.labelling.picture.id != before, "another picture", TIMEOUT)
    gui.wait_until(gui.has_picture, "its label", TIMEOUT)


def correct_a_spot(gui: GuiDriver) -> None:
    """Show the second picture, then paint two classes and a spot of the first one, which was predicted wrongly."""
    gui.canvas.tools.options.brush_radius = 5
    paint(gui, 1, 10, 60)
    paint(gui, 2, 182, 60)
    wait_for_refined(gui)
    go_to(gui, Qt.Key.Key_D)
    wait_for_refined(gui)
    go_to(gui, Qt.Key.Key_A)
    wait_for_refined(gui)
    paint(gui, 3, *spots()[0])
    gui.wait_until(
        lambda: (
            len({p.picture_id for p in controller(gui)._places}) == 2 and not controller(gui)._is_searching
        ),
        "places in both pictures",
        TIMEOUT,
    )


def is_place_shown(gui: GuiDriver) -> bool:
    place = controller(gui)._place
    return place is not None and gui.labelling.picture.id == place.picture_id


def has_fewer_pixels(gui: GuiDriver, before: int) -> bool:
    return int((gui.label_values == 3).sum()) < before


def test_the_places_are_walked_through_and_accepted_in_one_go(live: GuiDriver) -> None:
    sheet, actions = live.window.label_page.similar_places, live.window.actions_by_id
    assert not sheet.isVisible()
    assert not actions["accept_similar"].isEnabled()
    correct_a_spot(live)
    count = len(controller(live)._places)
    assert sheet.isVisible()
    assert sheet.title.text() == f"{count} more places like this"
    assert "pond" in sheet.help.text()
    first = live.labelling.picture.id
    seen = set()
    for _ in range(count):
        live.key(Qt.Key.Key_D, Qt.KeyboardModifier.AltModifier)
        live.wait_until(lambda: is_place_shown(live), "its picture", TIMEOUT)
        place = controller(live)._place
        assert place is not None
        live.wait_until(lambda: live.canvas._overlays._highlight is not None, "a frame", TIMEOUT)
        assert sheet.isVisible()
        seen.add((place.picture_id, place.box))
    assert len(seen) == count
    second = live.labelling.picture.id
    assert second != first
    QTest.mouseClick(sheet.accept_button, Qt.MouseButton.LeftButton)
    assert not sheet.isVisible()
    assert f"Accepted {count} places as pond" in live.said
    for seed, key in ((1, Qt.Key.Key_A), (0, Qt.Key.Key_D)):
        live.wait_until(lambda: bool((live.label_values == 3).any()), "the accepted pixels", TIMEOUT)
        inside = (live.label_values == 3) & (spotted_truth(seed) == 3)
        assert inside.sum() > 0.5 * (live.label_values == 3).sum()
        places = [box for picture_id, box in seen if picture_id == live.labelling.picture.id]
        box = places[0]
        y, x = np.argwhere(live.label_values[box.slices] == 3)[len(places) // 2]
        origin = live.session.editing.origin_at(
            live.labelling.picture.id or 0, box.x0 + int(x), box.y0 + int(y), SIZE
        )
        assert origin.result() == "accepted"
        before = int((live.label_values == 3).sum())
        actions["undo"].trigger()
        live.wait_until(partial(has_fewer_pixels, live, before), "one undo for all", TIMEOUT)
        assert int((live.label_values == 3).sum()) <= 100  # what was painted, where it was
        if seed == 1:
            go_to(live, key)


def test_a_place_can_be_left_out_and_the_rest_dismissed(live: GuiDriver) -> None:
    correct_a_spot(live)
    sheet, actions = live.window.label_page.similar_places, live.window.actions_by_id
    count = len(controller(live)._places)
    assert not sheet.leave_out_button.isVisible()
    actions["next_similar"].trigger()
    left_out = controller(live)._place
    QTest.mouseClick(sheet.leave_out_button, Qt.MouseButton.LeftButton)
    assert len(controller(live)._places) == count - 1
    assert left_out not in controller(live)._places
    offered = controller(live)
    number, correction = offered._number, offered._correction
    assert correction is not None and left_out is not None
    QTest.mouseClick(sheet.close_button, Qt.MouseButton.LeftButton)
    assert not sheet.isVisible()
    offered.places_found(SimilarPlaces(number, correction, (left_out,), 0))
    assert not sheet.isVisible(), "a picture that was still being searched brings the offer back"
    assert live.canvas._overlays._highlight is None
    assert (live.label_values == 3).sum() < 100  # nothing was accepted


def test_undo_another_picture_and_a_deleted_class_take_the_offer_away(live: GuiDriver) -> None:
    correct_a_spot(live)
    sheet, actions = live.window.label_page.similar_places, live.window.actions_by_id
    actions["undo"].trigger()
    live.wait_until(lambda: not sheet.isVisible(), "no offer after undo", TIMEOUT)
    wait_for_refined(live)
    paint(live, 3, *spots()[0])
    live.wait_until(sheet.isVisible, "the offer", TIMEOUT)
    live.wait_until(lambda: not controller(live)._is_searching, "the end of the search", TIMEOUT)
    go_to(live, Qt.Key.Key_D)
    assert not sheet.isVisible()
    go_to(live, Qt.Key.Key_A)
    wait_for_refined(live)
    actions["undo"].trigger()
    live.wait_until(lambda: not (live.label_values == 3).any(), "the undo", TIMEOUT)
    wait_for_refined(live)
    paint(live, 3, *spots()[0])
    live.wait_until(sheet.isVisible, "the offer", TIMEOUT)
    live.session.editing.delete_class(3).result()
    live.wait_until(lambda: not sheet.isVisible(), "no offer of a class that is gone", TIMEOUT)


def test_a_picture_that_is_being_loaded_shows_what_was_accepted_in_it(live: GuiDriver) -> None:
    correct_a_spot(live)
    pictures, session = live.labelling._pictures, live.session
    current = live.labelling.picture.id
    other = next(each.picture_id for each in controller(live)._places if each.picture_id != current)
    pictures._prefetcher.prefetch(None)
    pictures.show(other)
    session.loader._reading.submit(lambda: None).result()  # its label was read, and is not shown yet
    assert live.labelling.picture.id == current
    live.window.actions_by_id["accept_similar"].trigger()
    live.wait_until(lambda: live.labelling.picture.id == other, "the picture", TIMEOUT)
    live.wait_until(lambda: bool((live.label_values == 3).any()), "the accepted pixels", TIMEOUT)
