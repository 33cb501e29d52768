"""The panel of layer visibility and opacity."""

from __future__ import annotations

import pytest

from desktop.canvas.rendering.layer_style import LayerState
from desktop.theme.theme import Theme
from desktop.workspaces.label.panels.layers import LayersPanel

pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints")


def test_layers_panel_reports_user_changes_only(qtbot, theme: Theme) -> None:
    panel = LayersPanel(theme)
    qtbot.addWidget(panel)
    heard: list[LayerState] = []
    panel.layers_changed.connect(heard.append)
    state = LayerState(label_opacity=0.7, prediction_opacity=0.2, prediction_visible=False)
    panel.set_layers(state)
    assert heard == []
    assert panel.layers() == state
    panel._eyes["prediction"].click()
    panel._sliders["label"].setValue(40)
    assert heard[0].prediction_visible
    assert heard[1].label_opacity == 0.4
    panel._eyes["label"].click()
    assert not heard[2].label_visible and heard[2].label_opacity == 0.4
    assert not panel._sliders["label"].isEnabled()
