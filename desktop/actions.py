"""Everything a user can ask for, in one table: menus, buttons, tooltips, keys and the cheat sheet come from it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)

from desktop.assets import keep_icon
from desktop.theme import Theme


@dataclass(frozen=True, slots=True)
class ActionRow:
    """One thing to ask for. `shortcuts` as QKeySequence reads them, the first is the one that is shown.

    `choice` names a set of which exactly one is checked; `checkable` alone is a switch. Rows of one `family` (the
    nine digits) share a line in the cheat sheet. `repeats`: a held key asks again and again.
    """

    id: str
    title: str
    help: str
    shortcuts: tuple[str, ...] = ()
    icon: str | None = None
    group: str = ""
    choice: str = ""
    checkable: bool = False
    family: str = ""
    repeats: bool = False

    @property
    def plain_letter(self) -> bool:
        """Whether a shortcut is a key that could also be typed into a text field."""
        return any(not s.startswith(("Ctrl+", "Alt+", "Meta+", "F1")) for s in self.shortcuts)


def _class_rows() -> tuple[ActionRow, ...]:
    low = tuple(
        ActionRow(
            f"class_{n}",
            f"Class {n}",
            f"Paint with class {n} of the list.",
            (str(n),),
            "class",
            "Classes",
            family="Class 1 to 9",
        )
        for n in range(1, 10)
    )
    high = tuple(
        ActionRow(
            f"class_{n}",
            f"Class {n}",
            f"Paint with class {n} of the list.",
            (f"Shift+{n - 10}",),
            "class",
            "Classes",
            family="Class 11 to 19",
        )
        for n in range(11, 20)
    )
    return low + high


ACTIONS: tuple[ActionRow, ...] = (
    # Project
    ActionRow(
        "open_folder",
        "Open folder…",
        "Open a folder of pictures as a project.",
        ("Ctrl+O",),
        "folder",
        "Project",
    ),
    ActionRow(
        "export",
        "Export dataset…",
        "Write the labels as a dataset of masks, after showing what will be written.",
        ("Ctrl+E",),
        "export",
        "Project",
    ),
    ActionRow(
        "import_masks",
        "Import masks…",
        "Read masks from a folder as labels of the pictures of the same names.",
        ("Ctrl+I",),
        "import",
        "Project",
    ),
    ActionRow(
        "save",
        "Save now",
        "Everything is saved as you work; this only makes sure and says so.",
        ("Ctrl+S",),
        "save",
        "Project",
    ),
    ActionRow(
        "settings",
        "Settings…",
        "Training by itself, device, theme and more.",
        ("Ctrl+,",),
        "settings",
        "Project",
    ),
    ActionRow(
        "close_project", "Close project", "Go back to the welcome page.", ("Ctrl+W",), "close", "Project"
    ),
    ActionRow("quit", "Quit", "Close Maskloop. Everything is saved already.", ("Ctrl+Q",), "quit", "Project"),
    # Tools
    ActionRow(
        "tool_brush",
        "Brush",
        "Paint the active class. Shift+click draws a straight line, the right button erases.",
        ("B",),
        "brush",
        "Tools",
        choice="tool",
    ),
    ActionRow(
        "tool_eraser",
        "Eraser",
        "Make pixels unlabelled again; the eraser has its own size.",
        ("E",),
        "eraser",
        "Tools",
        choice="tool",
    ),
    ActionRow(
        "tool_polygon",
        "Polygon",
        "Click corner after corner; Enter closes, Backspace drops the last, Esc cancels.",
        ("P",),
        "polygon",
        "Tools",
        choice="tool",
    ),
    ActionRow(
        "tool_fill",
        "Fill",
        "Fill the connected area under the cursor with the active class.",
        ("G",),
        "fill",
        "Tools",
        choice="tool",
    ),
    ActionRow(
        "pick_class", "Pick class", "Take the class of the pixel under the cursor.", ("I",), "pick", "Tools"
    ),
    ActionRow(
        "brush_smaller",
        "Smaller brush",
        "Make the brush or eraser smaller.",
        ("[",),
        "smaller",
        "Tools",
        repeats=True,
    ),
    ActionRow(
        "brush_bigger",
        "Bigger brush",
        "Make the brush or eraser bigger.",
        ("]",),
        "bigger",
        "Tools",
        repeats=True,
    ),
    ActionRow(
        "undo",
        "Undo",
        "Take back the last change of this picture; there is no limit.",
        ("Ctrl+Z",),
        "undo",
        "Tools",
        repeats=True,
    ),
    ActionRow(
        "redo", "Redo", "Do again what was undone.", ("Ctrl+Shift+Z", "Ctrl+Y"), "redo", "Tools", repeats=True
    ),
    # Classes
    *_class_rows(),
    ActionRow(
        "class_0", "Unlabelled", "Paint with nothing: pixels become unlabelled.", ("0",), "class", "Classes"
    ),
    ActionRow(
        "class_void",
        "Void",
        "Paint pixels to be ignored: never trained on, never counted.",
        ("V",),
        "void",
        "Classes",
    ),
    ActionRow(
        "swap_classes", "Swap classes", "Change between the last two classes used.", ("X",), "swap", "Classes"
    ),
    # Pictures
    ActionRow(
        "next_picture",
        "Next picture",
        "Show the next picture.",
        ("D", "Right"),
        "next",
        "Pictures",
        repeats=True,
    ),
    ActionRow(
        "previous_picture",
        "Previous picture",
        "Show the picture before.",
        ("A", "Left"),
        "previous",
        "Pictures",
        repeats=True,
    ),
    ActionRow(
        "next_open",
        "Next not done",
        "Show the next picture that is not marked as done.",
        ("Shift+D", "Shift+Right"),
        "next-open",
        "Pictures",
    ),
    ActionRow(
        "previous_open",
        "Previous not done",
        "Show the picture before that is not marked as done.",
        ("Shift+A", "Shift+Left"),
        "previous-open",
        "Pictures",
    ),
    ActionRow(
        "next_uncertain",
        "Next by uncertainty",
        "Show the picture the model is least sure of: labelling it teaches most.",
        ("N",),
        "uncertain",
        "Pictures",
    ),
    ActionRow(
        "mark_done",
        "Done",
        "Mark this picture as done, or take the mark back.",
        ("Ctrl+D",),
        "done",
        "Pictures",
        checkable=True,
    ),
    ActionRow(
        "mark_review",
        "To review",
        "Mark this picture for a second look, or take the mark back.",
        ("R",),
        "flag",
        "Pictures",
        checkable=True,
    ),
    ActionRow(
        "mark_skipped",
        "Skip",
        "Leave this picture out of training and export, or take it in again.",
        ("Shift+S",),
        "skip",
        "Pictures",
        checkable=True,
    ),
    # Predictions
    ActionRow(
        "accept_and_next",
        "Accept, done, next",
        "Take the prediction for all pixels that have no label, mark the picture as done and show the next.",
        ("Ctrl+Return", "Ctrl+Enter"),
        "accept-all",
        "Predictions",
    ),
    ActionRow(
        "accept_all",
        "Accept prediction",
        "Take the prediction for all pixels that have no label.",
        ("Ctrl+Shift+Return", "Ctrl+Shift+Enter"),
        "check",
        "Predictions",
    ),
    ActionRow(
        "accept_region",
        "Accept region",
        "Take the predicted area under the cursor.",
        ("Q",),
        "accept-region",
        "Predictions",
    ),
    ActionRow(
        "accept_class",
        "Accept class",
        "Take every predicted pixel of the active class in this picture.",
        ("Shift+Q",),
        "accept-class",
        "Predictions",
    ),
    # Learning
    ActionRow(
        "train_now",
        "Train now",
        "Start learning from what is labelled so far.",
        ("Ctrl+T",),
        "play",
        "Learning",
    ),
    ActionRow(
        "pause_training",
        "Pause training",
        "Pause learning, or go on with it.",
        ("Ctrl+.",),
        "pause",
        "Learning",
    ),
    ActionRow(
        "stop_training",
        "Stop training",
        "End this round of learning; the best model so far is kept.",
        ("Ctrl+Shift+.",),
        "stop",
        "Learning",
    ),
    # View
    ActionRow("fit", "Fit", "Show the whole picture.", ("F", "Ctrl+0"), "fit", "View"),
    ActionRow(
        "actual_size",
        "100 %",
        "Show one picture pixel as one screen pixel.",
        ("Ctrl+1",),
        "actual-size",
        "View",
    ),
    ActionRow(
        "zoom_in", "Zoom in", "Come closer.", ("+", "=", "Ctrl++", "Ctrl+="), "zoom-in", "View", repeats=True
    ),
    ActionRow("zoom_out", "Zoom out", "Go farther away.", ("-", "Ctrl+-"), "zoom-out", "View", repeats=True),
    ActionRow(
        "hide_overlays",
        "Hide overlays",
        "Show the bare picture while held; a tap hides or shows the overlays for good.",
        ("H",),
        "eye-off",
        "View",
        checkable=True,
    ),
    ActionRow(
        "more_opaque", "More opaque", "Make the overlay stronger.", ("O",), "opacity", "View", repeats=True
    ),
    ActionRow(
        "less_opaque",
        "Less opaque",
        "Make the overlay weaker.",
        ("Shift+O",),
        "opacity",
        "View",
        repeats=True,
    ),
    ActionRow(
        "cycle_view",
        "Cycle view",
        "Show label and prediction, then only the label, the prediction, or the difference.",
        ("M",),
        "layers",
        "View",
    ),
    ActionRow(
        "theme_light", "Light theme", "Light surfaces, day and night.", (), "sun", "View", choice="theme"
    ),
    ActionRow(
        "theme_dark", "Dark theme", "Dark surfaces, day and night.", (), "moon", "View", choice="theme"
    ),
    ActionRow(
        "theme_system",
        "Theme of the system",
        "Light or dark as the system says.",
        (),
        "system",
        "View",
        choice="theme",
    ),
    # Window
    ActionRow(
        "workspace_label",
        "Label",
        "Paint and correct.",
        ("Ctrl+Alt+1",),
        "label",
        "Window",
        choice="workspace",
    ),
    ActionRow(
        "workspace_train", "Train", "Charts and runs.", ("Ctrl+Alt+2",), "chart", "Window", choice="workspace"
    ),
    ActionRow(
        "workspace_data",
        "Data",
        "Counts, import and export.",
        ("Ctrl+Alt+3",),
        "project",
        "Window",
        choice="workspace",
    ),
    ActionRow("cheat_sheet", "Keys and mouse", "All keys on one page.", ("F1", "?"), "keyboard", "Window"),
    ActionRow(
        "full_screen",
        "Full screen",
        "Use the whole screen, or come back.",
        ("F11",),
        "full-screen",
        "Window",
        checkable=True,
    ),
)


@dataclass(frozen=True, slots=True)
class Gesture:
    """Something done with the mouse, for the cheat sheet; the canvas knows how."""

    keys: str
    title: str
    group: str


GESTURES: tuple[Gesture, ...] = (
    Gesture("Wheel", "Zoom at the cursor", "View"),
    Gesture("Space + drag, middle drag", "Move the picture", "View"),
    Gesture("Shift + wheel, Alt + right drag", "Brush size", "Tools"),
    Gesture("Shift + click", "Straight line from the last point", "Tools"),
    Gesture("Right drag", "Erase with the brush", "Tools"),
    Gesture("Enter, Backspace, Esc", "Close polygon, drop corner, cancel", "Tools"),
)

_BY_ID = {row.id: row for row in ACTIONS}


def row(action_id: str) -> ActionRow:
    """The row of the table. Raises KeyError for an id it does not have."""
    return _BY_ID[action_id]


def keys_text(action_id: str) -> str:
    """The first shortcut as people of this system write it, or an empty text."""
    shortcuts = row(action_id).shortcuts
    return QKeySequence(shortcuts[0]).toString(QKeySequence.SequenceFormat.NativeText) if shortcuts else ""


def tooltip(action_id: str) -> str:
    """Title, key and help of an action, for the button that stands for it."""
    found = row(action_id)
    keys = keys_text(action_id)
    head = f"<b>{found.title.rstrip('…')}</b>" + (f"&nbsp;&nbsp;{keys}" if keys else "")
    return f"<p style='white-space:pre'>{head}</p><p>{found.help}</p>"


def build_actions(parent: QWidget, theme: Theme | None = None) -> dict[str, QAction]:
    """All actions by id, added to `parent` so that their keys work wherever the focus is in its window.

    Keys that can be typed stay in a text field while it has the focus: the field claims them before they become
    shortcuts (see `typing_in`). With a theme the actions carry icons that follow it.
    """
    made: dict[str, QAction] = {}
    choices: dict[str, QActionGroup] = {}
    for entry in ACTIONS:
        action = QAction(entry.title, parent)
        action.setObjectName(entry.id)
        action.setShortcuts([QKeySequence(keys) for keys in entry.shortcuts])
        action.setToolTip(tooltip(entry.id))
        action.setStatusTip(entry.help)
        action.setAutoRepeat(entry.repeats)
        action.setCheckable(entry.checkable or bool(entry.choice))
        action.setIconVisibleInMenu(False)
        if entry.choice:
            if entry.choice not in choices:
                choices[entry.choice] = QActionGroup(parent)
            choices[entry.choice].addAction(action)
        if entry.icon and theme is not None:
            keep_icon(action, entry.icon, theme)
        parent.addAction(action)
        made[entry.id] = action
    return made


def typing_in(widget: QObject | None = None) -> bool:
    """Whether a text field has the focus (or `widget` is one), so that plain keys belong to it."""
    widget = widget or QApplication.focusWidget()
    if isinstance(widget, QLineEdit | QPlainTextEdit | QTextEdit):
        return not widget.isReadOnly()
    return isinstance(widget, QAbstractSpinBox) or (isinstance(widget, QComboBox) and widget.isEditable())
