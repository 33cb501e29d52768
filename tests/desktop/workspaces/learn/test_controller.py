"""The Learn workspace: layer card with the open picture, formulas, lessons, and the network."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QWidget
from torch.nn import functional as F  # noqa: N812

from core.lessons.kernels import BLUR, EDGES_ACROSS, EDGES_DOWN
from core.lessons.layer_demo import OPERATIONS, DemoSetup
from core.lessons.lessons import LESSONS
from core.lessons.patch import brightness, practice_picture
from core.models.spec import ModelSpec, default_spec
from core.models.summary_types import DECODER, ENCODER, HEAD, NetworkStage, NetworkSummary
from core.project.project import Project
from desktop.actions.catalog import ACTIONS
from desktop.shell.top_bar import WORKSPACE_ACTIONS
from desktop.theme.theme import DARK, LIGHT, apply_theme
from desktop.workspaces.learn.layer_card import HINT, LayerCard
from desktop.workspaces.learn.network_card import NetworkCard
from desktop.workspaces.learn.page import LearnPage
from tests.desktop.conftest import GuiDriver

pytestmark = pytest.mark.qt_log_ignore("does not support")


def come(gui: GuiDriver) -> LearnPage:
    """Into the Learn workspace, by its button."""
    page = gui.window.workspaces.learn
    gui.click(gui.window.top_bar._workspace_buttons["workspace_learn"])
    gui.wait_until(lambda: page.isVisible() and page.is_ready, "the Learn workspace", 20)
    gui.wait_until(
        lambda: page.layer_card.result is not None and page.layer_card.picker.width() > 1, "a patch", 20
    )
    return page


@pytest.fixture
def page(gui: GuiDriver) -> Iterator[LearnPage]:
    found = come(gui)
    for grid in found.layer_card.outputs:
        grid.current = None
    found.layer_card.set_setup(DemoSetup())
    yield found
    gui.window.actions_by_id["workspace_label"].trigger()


def own_picture(gui: GuiDriver) -> np.ndarray:
    pyramid = gui.canvas.pyramid
    assert pyramid is not None
    return pyramid.full_image()


def test_learn_is_the_last_workspace_and_built_when_shown(gui: GuiDriver) -> None:
    assert WORKSPACE_ACTIONS[-1] == "workspace_learn"
    code = (
        "import sys, desktop.app;"
        "sys.exit(any(n in sys.modules for n in ('desktop.workspaces.learn.layer_card', 'core.lessons.layer_demo')))"
    )
    root = Path(__file__).resolve().parents[4]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
    untouched = LearnPage(apply_theme(QApplication.instance(), "light"))  # type: ignore[arg-type]
    assert not untouched.findChildren(QLabel) and not untouched.is_ready
    untouched.deleteLater()


def test_bench_shows_the_open_picture(gui: GuiDriver, page: LearnPage) -> None:
    card = page.layer_card
    seen = brightness(own_picture(gui))
    left, top = card.picker.left, card.picker.top
    np.testing.assert_array_equal(card.source.values, seen[top : top + 8, left : left + 8])
    card.set_setup(DemoSetup(kernel=EDGES_ACROSS))
    right = F.conv2d(
        torch.from_numpy(card.source.values)[None, None],
        torch.tensor(EDGES_ACROSS, dtype=torch.float64)[None, None],
        padding=1,
    )
    np.testing.assert_allclose(card.outputs[0].values, right[0, 0].numpy())


def test_a_click_into_the_picture_and_arrows_move_the_patch(gui: GuiDriver, page: LearnPage) -> None:
    card, picker = page.layer_card, page.layer_card.picker
    shown = gui.labelling.picture.id
    QTest.mouseClick(picker, Qt.MouseButton.LeftButton, pos=QPoint(picker.width() // 2, picker.height() // 2))
    scale = picker.width() / 96  # pictures of the tests are 96 by 64
    middle = int(picker.width() // 2 / scale) - 4, int(picker.height() // 2 / scale) - 4
    assert (picker.left, picker.top) == middle
    before = card.source.values
    gui.key(Qt.Key.Key_Right, on=picker)
    assert (picker.left, picker.top) == (middle[0] + 1, middle[1])
    np.testing.assert_array_equal(card.source.values[:, :-1], before[:, 1:])
    gui.key(Qt.Key.Key_Up, Qt.KeyboardModifier.ShiftModifier, on=picker)
    assert picker.top == middle[1] - 8
    gui.wait(50)
    assert gui.labelling.picture.id == shown  # the arrows turned no page
    picked = picker.left + 4, picker.top + 4
    card.patch_side.setCurrentIndex(card.patch_side.findData(16))
    assert (picker.left + 8, picker.top + 8) == picked  # it grows around its middle
    assert card.source.values.shape == (16, 16)


def test_pointing_at_an_output_cell_shows_its_formula(page: LearnPage) -> None:
    card = page.layer_card
    card.set_setup(DemoSetup(kernel=EDGES_DOWN, same_padding=False))
    grid = card.outputs[0]
    assert card.explanation.text() == HINT
    QTest.mouseMove(grid, grid.rect_of((2, 1)).center())
    assert grid.current == (2, 1)
    assert card.source.highlighted == {(x, y) for x in (2, 3, 4) for y in (1, 2, 3)}
    patch = card.source.values
    total = sum(EDGES_DOWN[a][b] * patch[1 + a, 2 + b] for a in range(3) for b in range(3))
    assert card.explanation.text().startswith(f"Row 2, column 3:  −1·{patch[1, 2]:g} − 2·{patch[1, 3]:g}")
    assert card.explanation.text().endswith(f"= {total:g}".replace("-", "−"))
    assert grid.accessibleDescription() in card.explanation.text()


def test_arrow_keys_move_through_the_output(gui: GuiDriver, page: LearnPage) -> None:
    shown, grid = gui.labelling.picture.id, page.layer_card.outputs[0]
    page.layer_card.operation.setFocus()
    grid.setFocus()
    assert grid.current == (0, 0)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Left):
        gui.key(key, on=grid)
    assert grid.current == (1, 1)
    for _ in range(20):
        gui.key(Qt.Key.Key_Down, on=grid)
    assert grid.current == (1, 7)
    assert page.layer_card.source.highlighted == {
        (x, y) for x in (0, 1, 2) for y in (6, 7)
    }  # below is padding
    assert gui.labelling.picture.id == shown


def test_unused_boxes_are_hidden(page: LearnPage) -> None:
    card = page.layer_card
    boxes = {
        "kernel": card.kernel,
        "stride": card.stride,
        "padding": card.padding,
        "squares": card.window_side,
        "rate": card.rate,
    }
    there = {
        "convolution": {"kernel", "stride", "padding"},
        "flipped": {"kernel", "stride", "padding"},
        "transposed": {"kernel", "padding"},
        "dilated": {"kernel", "stride", "padding", "rate"},
        "max": {"squares"},
        "mean": {"squares"},
    }
    for key, title, line in OPERATIONS:
        card.operation.setCurrentText(title)
        assert card.setup.operation == key and card.about.text() == line
        assert {name for name, box in boxes.items() if box.isVisible()} == there.get(key, set()), key
        assert card.outputs[1].isVisible() == (key == "flipped")


def test_custom_kernel(page: LearnPage) -> None:
    card = page.layer_card
    assert card.kernel.currentText() == "Blur"
    card.kernel.setCurrentText("Custom")
    first = card.kernel_editor.fields[0]
    assert first.hasFocus() and card.setup.kernel == BLUR
    first.clear()
    QTest.keyClicks(first, "-")  # only begun: nothing changes yet
    assert card.setup.kernel == BLUR
    QTest.keyClicks(first, "1.5")
    assert card.setup.kernel[0] == (-1.5, 0.1, 0.1) and card.kernel.currentText() == "Custom"
    assert first.text() == "-1.5"
    QTest.keyClicks(first, "x")
    assert first.text() == "-1.5"
    card.kernel.setCurrentText("Sharpen")
    assert [field.text() for field in card.kernel_editor.fields[3:6]] == ["-1", "5", "-1"]


def test_correlation_beside_convolution(gui: GuiDriver, page: LearnPage) -> None:
    card = page.layer_card
    card.set_setup(DemoSetup("flipped", EDGES_ACROSS, same_padding=False))
    gui.wait(300)  # the second output finds its place
    one, other = card.outputs
    np.testing.assert_allclose(one.values, -other.values)
    np.testing.assert_array_equal(card.flipped_kernel.values, np.array(EDGES_ACROSS)[::-1, ::-1])
    QTest.mouseMove(one, one.rect_of((1, 1)).center())
    QTest.mouseMove(other, other.rect_of((2, 2)).center())
    assert one.current is None and other.current == (2, 2)
    assert card.explanation.text().endswith(f"= {other.values[2, 2]:g}".replace("-", "−"))


def test_a_kernel_that_does_not_fit_is_explained(page: LearnPage) -> None:
    card = page.layer_card
    card.set_setup(DemoSetup("dilated", rate=4, same_padding=False, patch_side=4))
    assert "does not fit into 4" in card.formula.text()
    assert not card.outputs[0].isVisible() and card.explanation.text() == ""
    card.padding.setCurrentIndex(card.padding.findData("same"))
    assert card.outputs[0].isVisible() and card.formula.text() == "(4 + 2·4 − 9) / 1 + 1 = 4"


def test_buttons_of_every_lesson(gui: GuiDriver, page: LearnPage) -> None:
    for lesson in LESSONS:
        for kind in ("layer", "action"):
            button = page.lessons.buttons.get((lesson.title, kind))
            assert (button is not None) == bool(lesson.setup if kind == "layer" else lesson.action_id)
            if button is None:
                continue
            page.area.ensureWidgetVisible(button)
            gui.click(button)
            if kind == "layer":
                assert page.layer_card.setup == lesson.setup
                assert page.area.verticalScrollBar().value() == 0 and page.layer_card.outputs[0].hasFocus()
            else:
                assert gui.window.actions_by_id[lesson.action_id].isChecked() and not page.isVisible()
                come(gui)


def test_without_a_picture_the_bench_shows_a_drawn_one(gui: GuiDriver, page: LearnPage) -> None:
    gui.canvas.clear("This picture cannot be shown", "for a test")
    seen = brightness(practice_picture())
    left, top = page.layer_card.picker.left, page.layer_card.picker.top
    np.testing.assert_array_equal(page.layer_card.source.values, seen[top : top + 8, left : left + 8])
    page.layer_card.picker.set_side(4)
    gui.labelling.show_picture(gui.session.pictures.ids()[1])
    gui.wait_until(lambda: gui.canvas.pyramid is not None, "another picture")
    whole = brightness(own_picture(gui))
    left, top = page.layer_card.picker.left, page.layer_card.picker.top
    np.testing.assert_array_equal(page.layer_card.source.values, whole[top : top + 4, left : left + 4])


def test_default_network_then_that_of_the_newest_run(gui: GuiDriver, page: LearnPage) -> None:
    card = page.network
    gui.wait_until(lambda: card.network is not None, "the stages of the usual network")
    assert card.network is not None
    usual = default_spec("cpu", (1, 2))
    assert card.network.size == usual.size and "nothing has been trained yet" in card.summary.text()
    folder = gui.session.folder
    gui.window.close_project()
    spec = ModelSpec("asymmetric-unet-small", None, "none", 128, (1, 2))
    with Project.open(folder, purpose="a test") as project:
        run = project.runs.start(json.dumps(spec.to_json()), "{}", None, 3)
    gui.window.open_project(folder)
    gui.wait_until(gui.has_picture, "a picture", 20)
    come(gui)
    assert card.network is None or "small" in card.summary.text()
    gui.wait_until(lambda: card.network is not None, "the stages of the run's network")
    assert card.summary.text().startswith(f"Asymmetric U-Net, small. The network of run {run.id}.")
    assert card.input_size.currentData() == 128
    assert [card.table.item(y, 0).text() for y in range(3)] == ["Encoder 1", "Encoder 2", "Encoder 3"]
    assert "torch" not in vars(sys.modules["desktop.workspaces.learn.controller"])


@pytest.fixture
def card(qtbot) -> NetworkCard:
    made = NetworkCard(apply_theme(QApplication.instance(), "light"))  # type: ignore[arg-type]
    qtbot.addWidget(made)
    made.resize(900, 400)
    made.show()
    return made


STAGES = NetworkSummary(
    "A small U",
    128,
    3,
    2,
    1_234_567,
    (
        NetworkStage(ENCODER, "Way down 1", "Halves the size.", 16, 400, {128: (64, 64), 256: (128, 128)}),
        NetworkStage(ENCODER, "Way down 2", "Halves it again.", 32, 9000, {128: (32, 32), 256: (64, 64)}),
        NetworkStage(
            DECODER, "Way up 1", "Doubles the size.", 16, 1_225_133, {128: (64, 64), 256: (128, 128)}
        ),
        NetworkStage(HEAD, "Head", "One score for each class.", 2, 34, {256: (128, 128)}),
    ),
)


def test_table_and_diagram_of_the_network(card: NetworkCard) -> None:
    assert not card.table.isVisible() and "takes a few seconds" in card.summary.text()
    card.set_summary(STAGES, "The network of run 7.")
    assert card.summary.text() == (
        "A small U. The network of run 7. 1.23 million parameters; 3 input channels, 2 classes."
    )
    sizes = lambda: [card.table.item(y, 1).text() for y in range(4)]  # noqa: E731
    assert sizes() == ["64 × 64", "32 × 32", "64 × 64", "–"]
    assert card.table.item(2, 3).text() == "1,225,133"
    down, deeper, up = (card.diagram.rect_of(at) for at in range(3))
    assert down.y() == up.y() < deeper.y() and down.x() < deeper.x() < up.x()
    assert card.diagram.rect_of(3).isEmpty()
    card.input_size.setCurrentIndex(card.input_size.findData(256))
    assert sizes() == ["128 × 128", "64 × 64", "128 × 128", "128 × 128"]
    place = card.diagram.rect_of(2).center().toPoint()
    QTest.mouseClick(card.diagram, Qt.MouseButton.LeftButton, pos=place)
    assert card.table.currentRow() == 2 and card.description.text() == "Way up 1: Doubles the size."
    QTest.keyClick(card.table, Qt.Key.Key_Down)
    assert card.description.text() == "Head: One score for each class." and card.diagram.current == 3
    card.set_waiting("There is no encoder called “nobody”.")
    assert not card.table.isVisible() and card.summary.text() == "There is no encoder called “nobody”."


@pytest.mark.parametrize("size", [(960, 640), (1440, 900)])
def test_no_text_is_clipped(gui: GuiDriver, page: LearnPage, size: tuple[int, int]) -> None:
    before = gui.window.size()
    gui.window.resize(*size)
    try:
        for key, _, _ in OPERATIONS:
            page.layer_card.set_setup(DemoSetup(key, patch_side=64))
            gui.wait(30)
            inner = page.area.widget()
            assert inner.width() <= page.area.viewport().width()
            for widget in inner.findChildren(QWidget):
                if widget.isVisible() and isinstance(widget, QLabel | QLineEdit) and widget.text():
                    place = widget.mapTo(inner, QPoint(0, 0))
                    assert place.x() >= 0 and place.x() + widget.width() <= inner.width(), widget.text()
                    if isinstance(widget, QLabel) and not widget.wordWrap():
                        assert widget.width() >= widget.sizeHint().width() or widget.text() in {
                            lesson.title for lesson in LESSONS
                        }, widget.text()
                    elif isinstance(widget, QLabel):
                        assert widget.height() >= widget.heightForWidth(widget.width()), widget.text()
    finally:
        gui.window.resize(before)


def test_every_field_is_reachable_by_tab_and_has_a_name(page: LearnPage) -> None:
    reachable = [
        page.layer_card.picker,
        *page.layer_card.kernel_editor.fields,
        page.layer_card.outputs[0],
        page.network.input_size,
    ]
    reachable += [*page.lessons.buttons.values(), page.layer_card.operation, page.layer_card.patch_side]
    for widget in reachable:
        assert widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        assert widget.accessibleName() or widget.text(), widget  # type: ignore[attr-defined]
    assert page.layer_card.outputs[0].accessibleName() == "Output, 8 by 8"
    assert {lesson.action_id for lesson in LESSONS if lesson.action_id} <= {entry.id for entry in ACTIONS}


def test_the_bench_follows_the_theme(qtbot) -> None:
    theme = apply_theme(QApplication.instance(), "light")  # type: ignore[arg-type]
    card = LayerCard(theme)
    qtbot.addWidget(card)
    card.resize(1100, 520)
    card.show()
    card.set_picture(practice_picture())
    card.outputs[0].select(2, 2)

    def frame() -> str:
        return card.outputs[0].grab().toImage().pixelColor(0, 60).name()

    light = frame()
    theme.apply("dark")
    assert light == LIGHT.edge and frame() == DARK.edge
    theme.apply("light")


def test_workspace_buttons_fit_beside_a_long_project_name(gui: GuiDriver) -> None:
    top = gui.window.top_bar
    top.set_project("a very long name of a project that nobody would have wanted")
    assert top.layout().minimumSize().width() <= 960
    assert top.project.text().startswith("a very") and "…" in top.project.text()
    top.set_project(gui.session.name)
