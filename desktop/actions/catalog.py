"""Everything a user can ask for, in one table: menus, buttons, tooltips, keys and the cheat sheet come from it."""

from __future__ import annotations

from collections.abc import Mapping
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

from desktop.theme.icons import set_themed_icon
from desktop.theme.theme import Theme


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One thing to ask for. `shortcuts` as QKeySequence reads them, the first is the one that is shown; they are
    the standard, which people may change (`keys_of`).

    `choice` names a set of which exactly one is checked; `checkable` alone is a switch. Rows of one `family` (the
    nine digits) share a line in the cheat sheet. `repeats`: a held key asks again and again.
    """

    id: str
    title: str
    shortcuts: tuple[str, ...]
    icon: str
    group: str
    help: str
    exclusive_group: str = ""
    checkable: bool = False
    family: str = ""
    auto_repeat: bool = False

    @property
    def has_plain_key(self) -> bool:
        """Whether a shortcut in force is a key that could also be typed into a text field."""
        return any(not s.startswith(("Ctrl+", "Alt+", "Meta+", "F1")) for s in shortcuts_of(self.id))


def _class_rows() -> tuple[ActionSpec, ...]:
    """Keys for the first nine classes of the list, and with Shift for the 11th to the 19th."""

    def one(n: int, key: str, family: str) -> ActionSpec:
        words = f"Paint with class {n} of the list."
        return ActionSpec(f"class_{n}", f"Class {n}", (key,), "class", "Classes", words, family=family)

    low = tuple(one(n, str(n), "Class 1 to 9") for n in range(1, 10))
    high = tuple(one(n, f"Shift+{n - 10}", "Class 11 to 19") for n in range(11, 20))
    return low + high


# fmt: off
ACTIONS: tuple[ActionSpec, ...] = (
    # Project
    ActionSpec("open_folder", "Open folder…", ("Ctrl+O",), "folder", "Project",
              "Open a folder of pictures as a project."),
    ActionSpec("export", "Export dataset…", ("Ctrl+E",), "export", "Project",
              "Write the labels as a dataset of masks, after showing what will be written."),
    ActionSpec("export_model", "Export model…", (), "export", "Project",
              "Write a trained network as a file for use elsewhere."),
    ActionSpec("import_masks", "Import dataset…", ("Ctrl+I",), "import", "Project",
              "Bring pictures and masks of another program in, after showing what they are taken for."),
    ActionSpec("paste", "Paste picture", ("Ctrl+V",), "photo", "Project",
              "Take the picture or the files in the clipboard into this project."),
    ActionSpec("split_pictures", "Split pictures…", (), "layers", "Project",
              "Divide the pictures among train, val and test, after showing the numbers."),
    ActionSpec("save", "Save now", ("Ctrl+S",), "save", "Project",
              "Everything is saved as you work; this only makes sure and says so."),
    ActionSpec("settings", "Settings…", ("Ctrl+,",), "settings", "Project",
              "Training by itself, device, theme and more."),
    ActionSpec("close_project", "Close project", ("Ctrl+W",), "close", "Project",
              "Go back to the welcome page."),
    ActionSpec("quit", "Quit", ("Ctrl+Q",), "quit", "Project",
              "Close Maskloop. Everything is saved already."),
    # Tools
    ActionSpec("tool_brush", "Brush", ("B",), "brush", "Tools",
              "Paint the active class. Shift+click draws a straight line, the right button erases.", exclusive_group="tool"),
    ActionSpec("tool_eraser", "Eraser", ("E",), "eraser", "Tools",
              "Make pixels unlabelled again; the eraser has its own size.", exclusive_group="tool"),
    ActionSpec("tool_polygon", "Polygon", ("P",), "polygon", "Tools",
              "Click corner after corner, drag them; Enter fills, Backspace takes back, Esc cancels.", exclusive_group="tool"),
    ActionSpec("edit_region_outline", "Edit outline", ("Shift+P",), "edit-outline", "Tools",
              "Open the outline of the labelled region under the cursor as a polygon; Enter puts it back."),
    ActionSpec("tool_lasso", "Lasso", ("L",), "lasso", "Tools",
              "Drag around a thing with a free hand; Ctrl or the right button erases.", exclusive_group="tool"),
    ActionSpec("tool_rectangle", "Rectangle", ("U",), "rectangle", "Tools",
              "Drag from corner to corner; Shift makes a square, Alt starts in the middle.", exclusive_group="tool"),
    ActionSpec("tool_ellipse", "Ellipse", ("Shift+U",), "ellipse", "Tools",
              "Drag from corner to corner; Shift makes a circle, Alt starts in the middle.", exclusive_group="tool"),
    ActionSpec("tool_fill", "Fill", ("G",), "fill", "Tools",
              "Fill the connected area under the cursor with the active class.", exclusive_group="tool"),
    ActionSpec("tool_wand", "Magic wand", ("W",), "wand", "Tools",
              "Press on a colour and drag to the side to say how alike; what is alike takes the class.", exclusive_group="tool"),
    ActionSpec("tool_scissors", "Intelligent scissors", ("C",), "scissors", "Tools",
              "Click along an edge: the outline follows it by itself. Enter closes and fills.", exclusive_group="tool"),
    ActionSpec("tool_grabcut", "GrabCut", ("Shift+C",), "grabcut", "Tools",
              "Drag a box around a thing to have it cut out; strokes correct it, Enter paints it.", exclusive_group="tool"),
    ActionSpec("tool_superpixels", "Superpixels", ("S",), "superpixels", "Tools",
              "Click or drag over small pieces of one colour to paint them whole.", exclusive_group="tool"),
    ActionSpec("tool_watershed", "Watershed", ("Shift+W",), "watershed", "Tools",
              "A stroke inside and one outside find the border between; Enter paints the inside.", exclusive_group="tool"),
    ActionSpec("tool_region", "Region", ("Z",), "region", "Tools",
              "Choose a region; drag moves it, Ctrl+drag copies, arrows nudge, Ctrl+C and Ctrl+V carry it along.",
              exclusive_group="tool"),
    ActionSpec("pick_class", "Pick class", ("I",), "pick", "Tools",
              "Take the class of the pixel under the cursor."),
    ActionSpec("copy_previous", "Copy previous label", ("Ctrl+P",), "copy-labels", "Tools",
              "Copy the label of the picture before onto all pixels that have none."),
    ActionSpec("copy_previous_over", "Copy previous label over", ("Ctrl+Shift+P",), "copy-labels-over", "Tools",
              "Copy the label of the picture before over the label here, but for locked classes."),
    ActionSpec("brush_smaller", "Smaller brush", ("[",), "smaller", "Tools",
              "Make the brush, the eraser or superpixels smaller, the wand stricter.", auto_repeat=True),
    ActionSpec("brush_bigger", "Bigger brush", ("]",), "bigger", "Tools",
              "Make the brush, the eraser or superpixels bigger, the wand laxer.", auto_repeat=True),
    ActionSpec("undo", "Undo", ("Ctrl+Z",), "undo", "Tools",
              "Take back the last change of this picture; there is no limit.", auto_repeat=True),
    ActionSpec("redo", "Redo", ("Ctrl+Shift+Z", "Ctrl+Y"), "redo", "Tools",
              "Do again what was undone.", auto_repeat=True),
    ActionSpec("history", "History", ("Ctrl+H",), "history", "Tools",
              "All changes of this picture, newest first; go back to any of them.", checkable=True),
    # Classes
    *_class_rows(),
    ActionSpec("class_0", "Unlabelled", ("0",), "class", "Classes",
              "Paint with nothing: pixels become unlabelled."),
    ActionSpec("class_void", "Void", ("V",), "void", "Classes",
              "Paint pixels to be ignored: never trained on, never counted."),
    ActionSpec("swap_classes", "Swap classes", ("X",), "swap", "Classes",
              "Change between the last two classes used."),
    ActionSpec("hide_class", "Hide class", ("Shift+H",), "eye-off", "Classes",
              "Show nothing of the class, neither label nor prediction, or show it again."),
    ActionSpec("solo_class", "Show only this class", ("J",), "eye", "Classes",
              "Hide all other classes; again shows all of them."),
    ActionSpec("show_all_classes", "Show all classes", ("Shift+J",), "eye", "Classes",
              "Hide no class any more."),
    ActionSpec("lock_class", "Lock class", ("K",), "lock", "Classes",
              "Keep the pixels of the class as they are: no tool paints over them. Again unlocks it."),
    ActionSpec("unlock_all_classes", "Unlock all classes", ("Shift+K",), "unlock", "Classes",
              "Let tools paint over every class again."),
    ActionSpec("rename_class", "Rename class", ("F2",), "rename", "Classes",
              "Give the class another name."),
    ActionSpec("recolour_class", "Change colour…", (), "opacity", "Classes",
              "Show the class in another colour."),
    ActionSpec("class_up", "Move class up", ("Alt+Up",), "chevron-up", "Classes",
              "Move the class one place up in the list."),
    ActionSpec("class_down", "Move class down", ("Alt+Down",), "chevron-down", "Classes",
              "Move the class one place down in the list."),
    ActionSpec("change_class_value", "Change value…", (), "swap", "Classes",
              "Change the number that stands for the class in masks, in every picture."),
    ActionSpec("split_class", "Split off in this picture…", (), "difference", "Classes",
              "Make a new class of the pixels that this class has in the picture on screen."),
    ActionSpec("delete_class", "Delete class…", (), "delete", "Classes",
              "Take the class away, after saying how many pixels it has."),
    # Pictures
    ActionSpec("next_picture", "Next picture", ("D", "Right"), "next", "Pictures",
              "Show the next picture.", auto_repeat=True),
    ActionSpec("previous_picture", "Previous picture", ("A", "Left"), "previous", "Pictures",
              "Show the picture before.", auto_repeat=True),
    ActionSpec("next_open", "Next not done", ("Shift+D", "Shift+Right"), "next-open", "Pictures",
              "Show the next picture that is not marked as done."),
    ActionSpec("previous_open", "Previous not done", ("Shift+A", "Shift+Left"), "previous-open", "Pictures",
              "Show the picture before that is not marked as done."),
    ActionSpec("next_uncertain", "Next by uncertainty", ("N",), "uncertain", "Pictures",
              "Show the picture the model is least sure of: labelling it teaches most."),
    ActionSpec("mark_done", "Done", ("Ctrl+D",), "done", "Pictures",
              "Mark this picture as done, or take the mark back.", checkable=True),
    ActionSpec("mark_review", "To review", ("R",), "flag", "Pictures",
              "Mark this picture for a second look, or take the mark back.", checkable=True),
    ActionSpec("mark_skipped", "Skip", ("Shift+S",), "skip", "Pictures",
              "Leave this picture out of training and export, or take it in again.", checkable=True),
    ActionSpec("add_tag", "Add a tag", ("T",), "tag", "Pictures",
              "Put a word on this picture by which it can be found again."),
    ActionSpec("edit_note", "Note", ("Shift+N",), "note", "Pictures",
              "Say something about this picture, for you or for others."),
    # Regions: of the chosen region, else of the one under the pointer
    ActionSpec("grow_region", "Grow", ("Shift+G",), "grow", "Regions",
              "Make the region larger all around by the pixels set for it."),
    ActionSpec("shrink_region", "Shrink", ("Ctrl+Shift+G",), "shrink", "Regions",
              "Make the region smaller all around; the border of the picture takes nothing away."),
    ActionSpec("smooth_region", "Smooth", ("Shift+Z",), "smooth", "Regions",
              "Take spurs away and close bays of the outline."),
    ActionSpec("fill_holes", "Fill holes", ("Shift+I",), "holes", "Regions",
              "Give all that lies inside the region to its class; locked classes stay."),
    ActionSpec("remove_islands", "Remove islands", (), "islands", "Regions",
              "Take away the small parts that the class has in this picture."),
    ActionSpec("keep_largest", "Keep largest", (), "largest", "Regions",
              "Take away all parts that the class has in this picture except the largest."),
    ActionSpec("copy_region", "Copy region", (), "copy", "Regions",
              "Keep the chosen region, to be pasted into this or another picture. Ctrl+C with the region tool."),
    ActionSpec("paste_region", "Paste region", (), "paste", "Regions",
              "Put the copied region at the same place of this picture. Ctrl+V with the region tool."),
    ActionSpec("delete_region", "Delete region", ("Del",), "delete", "Regions",
              "Make the pixels of the region unlabelled."),
    # Predictions
    ActionSpec("accept_and_next", "Accept, done, next", ("Ctrl+Return", "Ctrl+Enter"), "accept-all", "Predictions",
              "Take the prediction for all pixels that have no label, mark the picture as done and show the next."),
    ActionSpec("accept_all", "Accept prediction", ("Ctrl+Shift+Return", "Ctrl+Shift+Enter"), "check", "Predictions",
              "Take the prediction for all pixels that have no label."),
    ActionSpec("accept_region", "Accept region", ("Q",), "accept-region", "Predictions",
              "Take the predicted area under the cursor."),
    ActionSpec("accept_class", "Accept class", ("Shift+Q",), "accept-class", "Predictions",
              "Take every predicted pixel of the active class in this picture."),
    # Learning
    ActionSpec("train_now", "Train now", ("Ctrl+T",), "play", "Learning",
              "Start learning from what is labelled so far."),
    ActionSpec("choose_network", "Next run…", (), "settings", "Learning",
              "Choose the network of the next training and how it learns, with a preview of augmentation."),
    ActionSpec("pause_training", "Pause training", ("Ctrl+.",), "pause", "Learning",
              "Pause learning, or go on with it."),
    ActionSpec("stop_training", "Stop training", ("Ctrl+Shift+.",), "stop", "Learning",
              "End this round of learning; the best model so far is kept."),
    # View
    ActionSpec("fit", "Fit", ("F", "Ctrl+0"), "fit", "View",
              "Show the whole picture."),
    ActionSpec("actual_size", "100 %", ("Ctrl+1",), "actual-size", "View",
              "Show one picture pixel as one screen pixel."),
    ActionSpec("zoom_in", "Zoom in", ("+", "Ctrl++", "=", "Ctrl+="), "zoom-in", "View",
              "Come closer.", auto_repeat=True),
    ActionSpec("zoom_out", "Zoom out", ("-", "Ctrl+-"), "zoom-out", "View",
              "Go farther away.", auto_repeat=True),
    ActionSpec("hide_overlays", "Hide overlays", ("H",), "eye-off", "View",
              "Show the bare picture while held; a tap hides or shows the overlays for good.", checkable=True),
    ActionSpec("more_opaque", "More opaque", ("O",), "opacity", "View",
              "Make the overlay stronger.", auto_repeat=True),
    ActionSpec("less_opaque", "Less opaque", ("Shift+O",), "opacity", "View",
              "Make the overlay weaker.", auto_repeat=True),
    ActionSpec("cycle_view", "Cycle view", ("M",), "layers", "View",
              "Show label and prediction, then only the label, the prediction, or the difference."),
    ActionSpec("outline_only", "Outlines only", ("Shift+T",), "outline", "View",
              "Draw regions as lines and leave their inside clear, or fill them again.", checkable=True),
    ActionSpec("class_patterns", "Class patterns", ("Shift+X",), "patterns", "View",
              "Stripes, dots and crosses over the fills, so that classes can be told apart without their colours.",
              checkable=True),
    ActionSpec("uncertainty_layer", "Uncertainty", ("Ctrl+U",), "uncertain", "View",
              "A heat over the picture that is strong where the model is not sure of its prediction.",
              checkable=True),
    ActionSpec("flicker", "Flicker", ("F4",), "swap", "View",
              "While held, the prediction in place of the label, everywhere; a tap keeps it there or takes it back.",
              checkable=True),
    ActionSpec("swipe", "Swipe comparison", ("Y",), "swipe", "View",
              "A line to drag across the picture. Its titles say what is at both sides: a click on one chooses "
              "picture, label, prediction or difference. Esc ends.", checkable=True),
    ActionSpec("side_by_side", "Side by side", ("Shift+Y",), "side-by-side", "View",
              "Two views of the same place, of what the titles say; both move together and both can be painted in. "
              "Esc ends.", checkable=True),
    ActionSpec("brush_ruler", "Brush ruler", ("Shift+R",), "ruler", "View",
              "Keep the scale at the ring that says how many picture pixels the brush is wide.", checkable=True),
    ActionSpec("minimap", "Overview", ("Shift+F",), "minimap", "View",
              "The whole picture in a corner while only a part is in sight; drag there to move.",
              checkable=True),
    ActionSpec("pixel_grid", "Pixel grid", ("Ctrl+'",), "grid", "View",
              "Lines between the pixels of the picture, from twelvefold zoom on.", checkable=True),
    ActionSpec("adjust_view", "Brightness and contrast", ("Ctrl+L",), "levels", "View",
              "Brightness, contrast, levels and channels of the picture on screen. Only the view changes, never the "
              "picture nor what the model sees.", checkable=True),
    ActionSpec("reset_view_tone", "Reset brightness", ("Ctrl+Shift+L",), "undo", "View",
              "Show the picture again as it is."),
    ActionSpec("theme_light", "Light theme", (), "sun", "View",
              "Light surfaces, day and night.", exclusive_group="theme"),
    ActionSpec("theme_dark", "Dark theme", (), "moon", "View",
              "Dark surfaces, day and night.", exclusive_group="theme"),
    ActionSpec("theme_system", "Theme of the system", (), "system", "View",
              "Light or dark as the system says.", exclusive_group="theme"),
    # Window
    ActionSpec("workspace_label", "Label", ("Ctrl+Alt+1",), "label", "Window",
              "Paint and correct.", exclusive_group="workspace"),
    ActionSpec("workspace_review", "Review", ("Ctrl+Alt+2",), "grid", "Window",
              "Many pictures at a glance, and the label doctor.", exclusive_group="workspace"),
    ActionSpec("workspace_train", "Train", ("Ctrl+Alt+3",), "chart", "Window",
              "Charts and runs.", exclusive_group="workspace"),
    ActionSpec("workspace_data", "Data", ("Ctrl+Alt+4",), "project", "Window",
              "Counts, import and export.", exclusive_group="workspace"),
    ActionSpec("workspace_learn", "Learn", ("Ctrl+Alt+5",), "learn", "Window",
              "What the network does, on your own picture.", exclusive_group="workspace"),
    ActionSpec("command_palette", "Search", ("Ctrl+K",), "search", "Window",
              "Find anything by a few letters: what can be done, classes, pictures."),
    ActionSpec("edit_keys", "Change keys…", ("Ctrl+Alt+K",), "keyboard", "Window",
              "Give everything the keys that your hands know."),
    ActionSpec("cheat_sheet", "Keys and mouse", ("F1", "?"), "keyboard", "Window",
              "All keys on one page."),
    ActionSpec("full_screen", "Full screen", ("F11",), "full-screen", "Window",
              "Use the whole screen, or come back.", checkable=True),
)
# fmt: on


@dataclass(frozen=True, slots=True)
class Gesture:
    """Something done on the canvas with the mouse or with keys of its own, for the cheat sheet."""

    keys: tuple[str, ...]
    title: str
    group: str


GESTURES: tuple[Gesture, ...] = (
    Gesture(("Ctrl + arrows", "+ Shift"), "Move the cursor by 10, 1 pixels", "Tools"),
    Gesture(("Ins", "Ctrl + Space"), "Press the tool there, let it go", "Tools"),
    Gesture(("Shift, Ctrl, Alt + Ins",), "The same with that key held", "Tools"),
    Gesture(("Esc",), "From any field to the picture", "View"),
    Gesture(("Wheel", "Ctrl + wheel"), "Zoom at the cursor", "View"),
    Gesture(("Space + drag", "Middle drag"), "Move the picture", "View"),
    Gesture(("Shift + wheel", "Alt + right drag"), "Brush size", "Tools"),
    Gesture(("Shift + click",), "Straight line from the last point", "Tools"),
    Gesture(("Right drag", "Ctrl + drag"), "Erase: brush, lasso, shapes", "Tools"),
    Gesture(("Shift + drag", "Alt + drag"), "Square, from the middle", "Tools"),
    Gesture(("Alt + click",), "Brush: pick the class", "Tools"),
    Gesture(("Alt + click",), "Polygon: open an outline", "Tools"),
    Gesture(("Drag", "Ctrl + click"), "Move, take away a corner", "Tools"),
    Gesture(("Shift + first corner",), "Close, go on with a hole", "Tools"),
    Gesture(("Enter", "Backspace", "Esc"), "Fill, take back, cancel", "Tools"),
    Gesture(("Drag sideways",), "Tolerance of the wand", "Tools"),
    Gesture(("Wheel",), "Superpixels: size of the pieces", "Tools"),
    Gesture(("Ctrl + drag",), "Not this (GrabCut, watershed)", "Tools"),
    Gesture(("Drag", "Ctrl + drag"), "Move, copy the chosen region", "Regions"),
    Gesture(("Arrows", "Shift + arrows"), "Nudge it by 1, 10 pixels", "Regions"),
    Gesture(("Ctrl+C", "Ctrl+V"), "Carry it to another picture", "Regions"),
    Gesture(("Menu", "Right click"), "Menu of a class", "Classes"),
    Gesture(("Alt + click on the eye",), "Show one class alone", "Classes"),
)

_BY_ID = {row.id: row for row in ACTIONS}


def action_spec(action_id: str) -> ActionSpec:
    """The row of the table. Raises KeyError for an id it does not have."""
    return _BY_ID[action_id]


_custom_shortcuts: dict[str, tuple[str, ...]] = {}
# Where the keys differ from the table. There is one keyboard: the KeyMap of the window puts this in, and whoever
# names a key, from tooltips to menus, need not be handed a map for it.


def shortcuts_of(action_id: str) -> tuple[str, ...]:
    """The shortcuts in force. Raises KeyError for an id that the table does not have."""
    return _custom_shortcuts.get(action_id, action_spec(action_id).shortcuts)


def set_shortcuts(differences: Mapping[str, tuple[str, ...]]) -> None:
    """Say which actions have other keys than the table gives them; all others have those of the table."""
    _custom_shortcuts.clear()
    _custom_shortcuts.update(differences)


def shortcut_text(action_id: str) -> str:
    """The first shortcut in force as people of this system write it, or an empty text."""
    shortcuts = shortcuts_of(action_id)
    return QKeySequence(shortcuts[0]).toString(QKeySequence.SequenceFormat.NativeText) if shortcuts else ""


def tooltip(action_id: str) -> str:
    """Title, key and help of an action, for the button that stands for it."""
    found = action_spec(action_id)
    keys = shortcut_text(action_id)
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
        action.setShortcuts([QKeySequence(keys) for keys in shortcuts_of(entry.id)])
        action.setToolTip(tooltip(entry.id))
        action.setStatusTip(entry.help)
        action.setAutoRepeat(entry.auto_repeat)
        action.setCheckable(entry.checkable or bool(entry.exclusive_group))
        action.setIconVisibleInMenu(False)
        if entry.exclusive_group:
            if entry.exclusive_group not in choices:
                choices[entry.exclusive_group] = QActionGroup(parent)
            choices[entry.exclusive_group].addAction(action)
        if theme is not None and not entry.family:  # nobody shows nineteen digits as buttons
            set_themed_icon(action, entry.icon, theme)
        parent.addAction(action)
        made[entry.id] = action
    return made


def is_text_input(widget: QObject | None = None) -> bool:
    """Whether a text field has the focus (or `widget` is one), so that plain keys belong to it."""
    widget = widget or QApplication.focusWidget()
    if isinstance(widget, QLineEdit | QPlainTextEdit | QTextEdit):
        return not widget.isReadOnly()
    return isinstance(widget, QAbstractSpinBox) or (isinstance(widget, QComboBox) and widget.isEditable())
