"""The settings dialog, made from the table of settings."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QLabel, QScrollArea

from core.base.errors import UserError
from core.base.settings import SETTINGS
from desktop.shell.settings_dialog import SettingsDialog
from desktop.theme.theme import GRID, Theme
from tests.desktop.conftest import show_widget

pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints")

DEFAULTS = {setting.name: setting.default for setting in SETTINGS}


def test_every_setting_has_a_field_of_its_kind(qtbot, theme: Theme) -> None:
    dialog = SettingsDialog(theme, DEFAULTS.__getitem__)
    qtbot.addWidget(dialog)
    assert not dialog.isModal()
    for setting in SETTINGS:
        field = dialog.fields[setting.name]
        assert field.accessibleName() == setting.title
        if isinstance(setting.default, bool):
            assert isinstance(field, QCheckBox) and field.isChecked() == setting.default
        elif setting.choices:
            assert isinstance(field, QComboBox) and field.currentData() == setting.default
            assert tuple(field.itemData(i) for i in range(field.count())) == setting.choices
        elif isinstance(setting.default, float):
            assert isinstance(field, QDoubleSpinBox)
            assert (field.minimum(), field.value()) == (setting.minimum, setting.default)


def test_a_change_is_emitted_at_once(qtbot, theme: Theme) -> None:
    dialog = SettingsDialog(theme, DEFAULTS.__getitem__)
    qtbot.addWidget(dialog)
    heard: list[tuple[str, object]] = []
    dialog.changed.connect(lambda name, value: heard.append((name, value)))
    dialog.fields["train_automatically"].click()
    dialog.fields["round_minutes"].setValue(2.5)
    QTest.keyClick(dialog.fields["theme"], Qt.Key.Key_Down)
    assert heard == [("train_automatically", False), ("round_minutes", 2.5), ("theme", "light")]


def test_an_error_is_shown_in_the_dialog(qtbot, theme: Theme) -> None:
    dialog = SettingsDialog(theme, DEFAULTS.__getitem__)
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.show_error(str(UserError("There is no such device; choose another one.")))
    assert dialog._error.isVisible()
    dialog.fields["train_automatically"].click()
    assert not dialog._error.isVisible()


def test_the_page_ends_below_the_last_setting(qtbot, theme: Theme) -> None:
    dialog = SettingsDialog(theme, DEFAULTS.__getitem__)
    show_widget(qtbot, dialog, 520, 400)
    area = dialog.findChild(QScrollArea)
    bar = area.verticalScrollBar()
    bar.setValue(bar.maximum())
    last = area.widget().findChildren(QLabel)[-1]
    below = area.viewport().height() - last.mapTo(area.viewport(), last.rect().bottomLeft()).y()
    assert 0 <= below < 3 * GRID
