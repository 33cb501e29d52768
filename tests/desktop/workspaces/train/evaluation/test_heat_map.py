"""The confusion matrix as a heat map: which cells are painted, and its size by the wheel."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QImage, QWheelEvent
from PySide6.QtWidgets import QApplication

from desktop.theme.theme import Theme, apply_theme
from desktop.workspaces.train.evaluation.heat_map import COUNTS, ConfusionHeatMap
from tests.desktop.conftest import show_widget

CLASSES = 60


@pytest.fixture
def heat_map(qtbot, theme: Theme) -> ConfusionHeatMap:
    made = ConfusionHeatMap(theme)
    show_widget(qtbot, made, 500, 400)
    names = [f"class {number}" for number in range(CLASSES)]
    made.set_matrix(np.arange(CLASSES**2).reshape(CLASSES, CLASSES), names, names)
    return made


def turn(heat_map: ConfusionHeatMap, angle: int) -> None:
    """The wheel or two fingers with Ctrl, in eighths of a degree."""
    event = QWheelEvent(
        QPointF(250, 200), heat_map.mapToGlobal(QPointF(250, 200)), QPoint(), QPoint(0, angle),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.ControlModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(heat_map.viewport(), event)


def test_parts_of_a_notch_add_up_to_a_step(heat_map: ConfusionHeatMap) -> None:
    sides = [heat_map.side]
    for _ in range(8):
        turn(heat_map, 30)
        sides.append(heat_map.side)
    assert sides[:4] == [sides[0]] * 4 and sides[4:8] == [sides[4]] * 4, "four parts are one step"
    assert sides[0] < sides[4] < sides[8]
    turn(heat_map, 30)
    turn(heat_map, -120)
    assert heat_map.side < sides[8], "the other way round begins anew"


def test_only_cells_in_the_painted_part_are_painted(heat_map: ConfusionHeatMap) -> None:
    heat_map.set_mode(COUNTS)
    turn(heat_map, 480)
    heat_map.set_cursor_cell(30, 40)
    rows, columns = heat_map.cells_in(heat_map.viewport().rect())
    assert 30 in rows and 40 in columns and len(rows) < 20 and len(columns) < 20
    assert heat_map.cells_in(heat_map.cell_rect(30, 40).adjusted(1, 1, -1, -1)) == (
        range(30, 31),
        range(40, 41),
    )
    whole = heat_map.viewport().grab().toImage()
    for part in (
        heat_map.cell_rect(29, 39).adjusted(-7, -9, 31, 11),
        QRect(0, 0, heat_map.viewport().width(), 150),
    ):
        assert heat_map.viewport().grab(part).toImage() == whole.copy(part)


@pytest.mark.parametrize("name", ["light", "dark"])
def test_numbers_stand_out_from_their_cells(qtbot, qapp: QApplication, name: str) -> None:
    heat_map = ConfusionHeatMap(apply_theme(qapp, name))
    show_widget(qtbot, heat_map, 500, 400)
    heat_map.set_matrix(np.array([[10**8, 10**8], [2, 30]]), ["a", "b"], ["a", "b"])
    heat_map.set_mode(COUNTS)
    image = heat_map.viewport().grab().toImage().convertToFormat(QImage.Format.Format_Grayscale8)
    for cell in (heat_map.cell_rect(row, column) for row in range(2) for column in range(2)):
        around = QRect(cell.center() - QPoint(15, 8), cell.center() + QPoint(15, 8))
        greys = [
            image.pixelColor(x, y).red()
            for x in range(around.left(), around.right())
            for y in range(around.top(), around.bottom())
        ]
        assert max(greys) - min(greys) > 90
    apply_theme(qapp, "light")
