"""Numbers typed with a point and with a comma, in the locales of both."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QLocale, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDoubleSpinBox, QLineEdit, QWidget

from core.lessons.kernels import KERNELS
from desktop.tour.window_driver import CTRL
from desktop.widgets.controls import column
from desktop.widgets.number_field import decimal_box
from desktop.workspaces.learn.kernel_editor import KernelEditor
from tests.desktop.conftest import GuiDriver, show_widget

pytestmark = pytest.mark.qt_log_ignore("does not support")
LOCALES = ("C", "en_US", "de_DE", "fr_FR", "ru_RU", "de_CH")


@pytest.fixture(params=LOCALES)
def locale(request: pytest.FixtureRequest) -> Iterator[str]:
    before = QLocale()
    QLocale.setDefault(QLocale(request.param))
    yield request.param
    QLocale.setDefault(before)


def type_number(box: QDoubleSpinBox, text: str) -> float:
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_A, CTRL)
    QTest.keyClicks(box, text)
    QTest.keyClick(box, Qt.Key.Key_Return)
    return box.value()


def test_point_and_comma_begin_the_decimals_in_every_locale(qtbot, theme, locale: str) -> None:
    box = decimal_box(0.2, 600, "Minutes", " min")
    page = QWidget()
    page.setLayout(column(box))
    show_widget(qtbot, page, 200, 60)
    heard: list[float] = []
    box.valueChanged.connect(heard.append)
    for text, value in (("0.5", 0.5), ("0,7", 0.7), ("12", 12), ("3,", 3), (".4", 0.4), ("2.5", 2.5)):
        assert type_number(box, text) == value, f"{text} in {locale}"
    assert heard == [0.5, 0.7, 12, 3, 0.4, 2.5], "nothing in between is reported"
    assert type_number(box, "0.1") == 2.5, "below the minimum: the number before stays"
    assert type_number(box, "1.2.3") != 123


def test_a_setting_is_typed_with_either_sign(gui: GuiDriver) -> None:
    gui.window.actions_by_id["settings"].trigger()
    dialog = gui.window._auxiliary_windows._settings_dialog
    box = dialog.fields["round_minutes"]
    for text, minutes in (("0,5", 0.5), ("1.5", 1.5)):
        assert type_number(box, text) == minutes
        assert gui.window._settings.get("round_minutes") == minutes
    dialog.close()


def test_a_kernel_is_typed_with_either_sign(qtbot, theme) -> None:
    editor = KernelEditor()
    show_widget(qtbot, editor, 300, 200)
    editor.set_kernel(next(kernel for _key, _title, kernel in KERNELS))
    seen: list[object] = []
    editor.edited.connect(seen.append)
    for text in ("-0,25", "-0.25"):
        field: QLineEdit = editor.fields[0]
        field.selectAll()
        QTest.keyClicks(field, text)
        assert field.text() == text
        assert seen[-1][0][0] == -0.25
