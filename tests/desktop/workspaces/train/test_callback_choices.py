"""The callbacks page of the run form, and an input of width x height."""

from __future__ import annotations

import json

import pytest
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QLabel

from core.session.training.next_run import FACT, NextRun
from desktop.workspaces.train.dialogs import callback_panel
from desktop.workspaces.train.dialogs.run_form import RunForm
from tests.desktop.conftest import GuiDriver
from tests.desktop.workspaces.train.test_run_setup import form


def size_box(shown: RunForm) -> QComboBox:
    box = shown.network.widgets["size"]
    assert isinstance(box, QComboBox)
    return box


def typed(gui: GuiDriver, shown: RunForm, text: str) -> None:
    line = size_box(shown).lineEdit()
    assert line is not None
    line.selectAll()
    QTest.keyClicks(line, text)
    gui.wait(20)


def test_tensorboard_is_chosen_and_its_command_copied(gui: GuiDriver) -> None:
    shown = form(gui)
    shown.show_page("Callbacks")
    panel = shown.callbacks
    assert not panel.tensorboard.isChecked()
    panel.tensorboard.click()
    gui.click(panel.copy_button)
    copied = QApplication.clipboard().text()
    assert copied.startswith("tensorboard --logdir ")
    assert str(gui.session.home / "models") in copied.replace("'", "")
    QTest.keyClicks(shown.rows[3].inputs["patience"], "5")
    assert shown.choices() == {"patience": "5"}
    gui.click(shown.accept_button)
    said = "Next run: the default network, 1 changed option, TensorBoard"
    assert gui.window.workspaces.train.next_run.text() == said
    assert NextRun.from_json(gui.session.fact(FACT).result(60)).tensorboard
    again = form(gui)
    assert again.callbacks.tensorboard.isChecked()
    again.reject()


def test_without_the_package_the_switch_says_what_to_install(
    gui: GuiDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callback_panel, "has_tensorboard", lambda: False)
    shown = form(gui)
    shown.show_page("Callbacks")
    assert not shown.callbacks.tensorboard.isEnabled()
    assert any("pip install tensorboard" in each.text() for each in shown.callbacks.findChildren(QLabel))
    shown.reject()


def test_the_command_of_the_settings_is_shown_and_none_of_the_project(gui: GuiDriver) -> None:
    planted = json.dumps({"after_evaluation": "touch planted", "command": "touch planted"})
    gui.session.set_fact(FACT, planted)
    assert gui.session.fact(FACT).result(60) == planted
    gui.window._settings.set("after_evaluation", "notify.py:told")
    shown = form(gui)
    shown.show_page("Callbacks")
    texts = [each.text() for each in shown.callbacks.findChildren(QLabel)]
    assert "The settings say: notify.py:told" in texts
    assert not any("planted" in text for text in texts)
    shown.reject()


def test_width_and_height_can_be_chosen_or_typed(gui: GuiDriver) -> None:
    shown = form(gui)
    box = size_box(shown)
    box.setCurrentIndex(box.findText("256 x 144 pixels"))
    box.activated.emit(box.currentIndex())
    assert shown.network.values()["size"] == "256x144"
    typed(gui, shown, "wide")
    assert "not an input size" in shown.summary.text()
    assert not shown.accept_button.isEnabled()
    typed(gui, shown, "320 x 192")
    assert shown.accept_button.isEnabled()
    gui.click(shown.accept_button)
    assert NextRun.from_json(gui.session.fact(FACT).result(60)).size == (320, 192)
    assert gui.window.workspaces.train.next_run.text() == "Next run: the default network, 320x192 pixels"
    again = form(gui)
    assert size_box(again).currentText() == "320x192"
    typed(gui, again, "640")  # another than those that are offered
    gui.click(again.accept_button)
    assert NextRun.from_json(gui.session.fact(FACT).result(60)).size == 640
