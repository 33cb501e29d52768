"""The table of all actions: menus, buttons, tooltips, shortcuts and the cheat sheet are made from it."""

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
    """One action.

    shortcuts: as QKeySequence reads them, the first is the one displayed; defaults, which the keymap may change
    exclusive_group: of the actions with the same one exactly one is checked; checkable alone: an on/off action
    family: actions of one family, such as the class numbers, share a line in the cheat sheet
    auto_repeat: holding the key repeats the action
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
        """Whether a current shortcut is a key that could also be typed into a text field."""
        return any(not s.startswith(("Ctrl+", "Alt+", "Meta+", "F1")) for s in shortcuts_of(self.id))


def _class_rows() -> tuple[ActionSpec, ...]:
    """Actions for classes 1 to 9, and with Shift for 11 to 19."""

    def one(n: int, key: str, family: str) -> ActionSpec:
        help_text = f"Paint with class {n} of the list."
        return ActionSpec(f"class_{n}", f"Class {n}", (key,), "class", "Classes", help_text, family=family)

    low = tuple(one(n, str(n), "Class 1 to 9") for n in range(1, 10))
    high = tuple(one(n, f"Shift+{n - 10}", "Class 11 to 19") for n in range(11, 20))
    return low + high


# fmt: off
ACTIONS: tuple[ActionSpec, ...] = (
    # Project
    ActionSpec("open_folder", "Open folder…", ("Ctrl+O",), "folder", "Project",
               "Open a folder of pictures as a project."),
    ActionSpec("export", "Export dataset…", ("Ctrl+E",), "export", "Project",
               "Export pictures and masks as a dataset. A preview shows what will be written."),
    ActionSpec("export_model", "Export model…", (), "export", "Project",
               "Export a trained network as a file for other programs."),
    ActionSpec("import_masks", "Import dataset…", ("Ctrl+I",), "import", "Project",
               "Import pictures and masks of another program. A preview shows what will be imported."),
    ActionSpec("bring_back_edits", "Bring back rescued edits…", (), "import", "Project",
               "Store the edits of a rescue file, made when the project file was gone, in this project."),
    ActionSpec("save_project_here", "Save the project here…", (), "save", "Project",
               "Write the project as it is to another folder and open it there, also when its file is gone."),
    ActionSpec("undo_joins", "Undo joined pictures", (), "undo", "Project",
               "Missing pictures that were found again under other names get their old names back."),
    ActionSpec("paste", "Paste picture", ("Ctrl+V",), "photo", "Project",
               "Add the picture or the files in the clipboard to this project."),
    ActionSpec("split_pictures", "Split pictures…", (), "layers", "Project",
               "Assign the pictures to train, val and test. A preview shows the numbers."),
    ActionSpec("save", "Save now", ("Ctrl+S",), "save", "Project",
               "Everything is saved as you work; this confirms it."),
    ActionSpec("settings", "Settings…", ("Ctrl+,",), "settings", "Project",
               "Automatic training, device, theme and more."),
    ActionSpec("close_project", "Close project", ("Ctrl+W",), "close", "Project",
               "Go back to the welcome page."),
    ActionSpec("quit", "Quit", ("Ctrl+Q",), "quit", "Project",
               "Close Maskloop. Everything is saved already."),
    # Tools
    ActionSpec("tool_brush", "Brush", ("B",), "brush", "Tools",
               "Paint the active class. Shift+click draws a straight line, the right button erases.",
               exclusive_group="tool"),
    ActionSpec("tool_eraser", "Eraser", ("E",), "eraser", "Tools",
               "Make pixels unlabelled again; the eraser has its own size.", exclusive_group="tool"),
    ActionSpec("tool_polygon", "Polygon", ("P",), "polygon", "Tools",
               "Click corners, drag them; Enter fills, Backspace removes the last, Esc cancels.",
               exclusive_group="tool"),
    ActionSpec("edit_region_outline", "Edit outline", ("Shift+P",), "edit-outline", "Tools",
               "Edit the outline of the region under the cursor as a polygon; Enter applies it."),
    ActionSpec("continue_shape", "Continue shape", (), "polygon", "Tools",
               "Go on with the shape that was left unfinished in this picture."),
    ActionSpec("tool_lasso", "Lasso", ("L",), "lasso", "Tools",
               "Draw a freehand outline; Ctrl or the right button erases.", exclusive_group="tool"),
    ActionSpec("tool_rectangle", "Rectangle", ("U",), "rectangle", "Tools",
               "Drag from corner to corner; Shift makes a square, Alt starts in the middle.", exclusive_group="tool"),
    ActionSpec("tool_ellipse", "Ellipse", ("Shift+U",), "ellipse", "Tools",
               "Drag from corner to corner; Shift makes a circle, Alt starts in the middle.", exclusive_group="tool"),
    ActionSpec("tool_fill", "Fill", ("G",), "fill", "Tools",
               "Fill the connected area under the cursor with the active class.", exclusive_group="tool"),
    ActionSpec("tool_wand", "Magic wand", ("W",), "wand", "Tools",
               "Press on a colour, drag sideways to set the tolerance; similar pixels take the class.",
               exclusive_group="tool"),
    ActionSpec("tool_scissors", "Intelligent scissors", ("C",), "scissors", "Tools",
               "Click along an edge: the outline snaps to it. Enter closes and fills.", exclusive_group="tool"),
    ActionSpec("tool_grabcut", "GrabCut", ("Shift+C",), "grabcut", "Tools",
               "Drag a box around an object to segment it; strokes correct it, Enter paints it.",
               exclusive_group="tool"),
    ActionSpec("tool_superpixels", "Superpixels", ("S",), "superpixels", "Tools",
               "Click or drag over segments of similar colour to paint them whole.", exclusive_group="tool"),
    ActionSpec("tool_watershed", "Watershed", ("Shift+W",), "watershed", "Tools",
               "One stroke inside and one outside find the edge between; Enter paints the inside.",
               exclusive_group="tool"),
    ActionSpec("tool_region", "Region", ("Z",), "region", "Tools",
               "Select a region; drag moves it, Ctrl+drag copies, arrow keys nudge, Ctrl+C and Ctrl+V.",
               exclusive_group="tool"),
    ActionSpec("pick_class", "Pick class", ("I",), "pick", "Tools",
               "Take the class of the pixel under the cursor."),
    ActionSpec("copy_previous", "Copy previous label", ("Ctrl+P",), "copy-labels", "Tools",
               "Copy the label of the previous picture to all pixels that have none."),
    ActionSpec("copy_previous_over", "Overwrite with previous label", ("Ctrl+Shift+P",), "copy-labels-over", "Tools",
               "Overwrite the label with that of the previous picture, except locked classes."),
    ActionSpec("brush_smaller", "Smaller brush", ("[", "PgDown"), "smaller", "Tools",
               "Decrease the size of brush, eraser or superpixels, or the tolerance of the wand.", auto_repeat=True),
    ActionSpec("brush_bigger", "Bigger brush", ("]", "PgUp"), "bigger", "Tools",
               "Increase the size of brush, eraser or superpixels, or the tolerance of the wand.", auto_repeat=True),
    ActionSpec("undo", "Undo", ("Ctrl+Z",), "undo", "Tools",
               "Undo the last edit of this picture; there is no limit.", auto_repeat=True),
    ActionSpec("redo", "Redo", ("Ctrl+Shift+Z", "Ctrl+Y"), "redo", "Tools",
               "Redo what was undone.", auto_repeat=True),
    ActionSpec("history", "History", ("Ctrl+H",), "history", "Tools",
               "All edits of this picture, newest first; go back to any of them.", checkable=True),
    # Classes
    *_class_rows(),
    ActionSpec("class_0", "Unlabelled", ("0",), "class", "Classes",
               "Paint pixels as unlabelled."),
    ActionSpec("class_void", "Void", ("V",), "void", "Classes",
               "Paint pixels that training and scores ignore."),
    ActionSpec("swap_classes", "Swap classes", ("X",), "swap", "Classes",
               "Switch between the last two classes used."),
    ActionSpec("hide_class", "Hide class", ("Shift+H",), "eye-off", "Classes",
               "Hide the class in label and prediction, or show it again."),
    ActionSpec("solo_class", "Show only this class", ("J",), "eye", "Classes",
               "Hide all other classes; again shows all."),
    ActionSpec("show_all_classes", "Show all classes", ("Shift+J",), "eye", "Classes",
               "Show all hidden classes."),
    ActionSpec("lock_class", "Lock class", ("K",), "lock", "Classes",
               "Protect the pixels of the class: no tool paints over them. Again unlocks it."),
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
               "Change the pixel value of the class in masks, in every picture."),
    ActionSpec("split_class", "Split off in this picture…", (), "difference", "Classes",
               "Make a new class of the pixels of this class in the open picture."),
    ActionSpec("delete_class", "Delete class…", (), "delete", "Classes",
               "Delete the class, after showing how many pixels it has."),
    # Pictures
    ActionSpec("next_picture", "Next picture", ("D", "Right"), "next", "Pictures",
               "Show the next picture.", auto_repeat=True),
    ActionSpec("previous_picture", "Previous picture", ("A", "Left"), "previous", "Pictures",
               "Show the previous picture.", auto_repeat=True),
    ActionSpec("next_open", "Next not done", ("Shift+D", "Shift+Right"), "next-open", "Pictures",
               "Show the next picture that is not marked as done."),
    ActionSpec("previous_open", "Previous not done", ("Shift+A", "Shift+Left"), "previous-open", "Pictures",
               "Show the previous picture that is not marked as done."),
    ActionSpec("next_uncertain", "Next useful region", ("N",), "uncertain", "Pictures",
               "Go to the next region whose label helps most, in this picture or the next of the queue."),
    ActionSpec("previous_uncertain", "Previous useful region", ("Shift+N",), "previous", "Pictures",
               "Go back to the region before."),
    ActionSpec("pin_picture", "Pin in the queue", (), "flag", "Pictures",
               "Put this picture first in the order by benefit, or no longer.", checkable=True),
    ActionSpec("skip_for_now", "Skip for now", (), "next-open", "Pictures",
               "Put this picture last in the order by benefit, and go on; or no longer.", checkable=True),
    ActionSpec("mark_done", "Done", ("Ctrl+D",), "done", "Pictures",
               "Mark this picture as done, or remove the mark.", checkable=True),
    ActionSpec("mark_review", "To review", ("R",), "flag", "Pictures",
               "Mark this picture for review, or remove the mark.", checkable=True),
    ActionSpec("mark_skipped", "Skip", ("Shift+S",), "skip", "Pictures",
               "Exclude this picture from training and export, or include it again.", checkable=True),
    ActionSpec("add_tag", "Add a tag", ("T",), "tag", "Pictures",
               "Add a word to this picture by which it can be filtered."),
    ActionSpec("edit_note", "Note", ("Shift+M",), "note", "Pictures",
               "Write a note about this picture."),
    # Regions: the selected region, else the one under the cursor
    ActionSpec("grow_region", "Grow", ("Shift+G",), "grow", "Regions",
               "Dilate the region by the set number of pixels."),
    ActionSpec("shrink_region", "Shrink", ("Ctrl+Shift+G",), "shrink", "Regions",
               "Erode the region by the set number of pixels, except at the border of the picture."),
    ActionSpec("smooth_region", "Smooth", ("Shift+Z",), "smooth", "Regions",
               "Smooth the outline: remove spurs and close bays."),
    ActionSpec("fill_holes", "Fill holes", ("Shift+I",), "holes", "Regions",
               "Fill holes of the region with its class; locked classes stay."),
    ActionSpec("remove_islands", "Remove islands", (), "islands", "Regions",
               "Remove the small regions of the class in this picture."),
    ActionSpec("keep_largest", "Keep largest", (), "largest", "Regions",
               "Remove all regions of the class in this picture except the largest."),
    ActionSpec("copy_region", "Copy region", (), "copy", "Regions",
               "Copy the selected region, to paste it into this or another picture. Ctrl+C with the region tool."),
    ActionSpec("paste_region", "Paste region", (), "paste", "Regions",
               "Paste the copied region at the same place of this picture. Ctrl+V with the region tool."),
    ActionSpec("delete_region", "Delete region", ("Del",), "delete", "Regions",
               "Make the pixels of the region unlabelled."),
    # Predictions
    ActionSpec("accept_and_next", "Accept, done, next", ("Ctrl+Return", "Ctrl+Enter"), "accept-all", "Predictions",
               "Copy the prediction to all pixels without a label, mark the picture as done, show the next."),
    ActionSpec("accept_all", "Accept prediction", ("Ctrl+Shift+Return", "Ctrl+Shift+Enter"), "check", "Predictions",
               "Copy the prediction to all pixels that have no label."),
    ActionSpec("accept_region", "Accept region", ("Q",), "accept-region", "Predictions",
               "Copy the predicted region under the cursor to the label."),
    ActionSpec("accept_class", "Accept class", ("Shift+Q",), "accept-class", "Predictions",
               "Copy every predicted pixel of the active class to the label."),
    ActionSpec("next_region", "Next uncertain region", (), "walk", "Predictions",
               "Show the next region of this picture where the prediction is unsure, the largest first. Tab.",
               auto_repeat=True),
    ActionSpec("previous_region", "Previous uncertain region", (), "previous", "Predictions",
               "Show the uncertain region before. Shift+Tab.", auto_repeat=True),
    ActionSpec("region_right", "Region is right", (), "check", "Predictions",
               "Label the uncertain region that is shown as predicted, and show the next. Enter."),
    ActionSpec("accept_surer", "Accept what is surer", ("Alt+S",), "accept-all", "Predictions",
               "Copy what is predicted more surely than the set limit to all pixels without a label."),
    ActionSpec("raise_limit", "Ask about more regions", ("Alt+PgUp",), "bigger", "Predictions",
               "Raise by 5 % how sure a prediction must be so that it is not asked about.", auto_repeat=True),
    ActionSpec("lower_limit", "Ask about fewer regions", ("Alt+PgDown",), "smaller", "Predictions",
               "Lower by 5 % how sure a prediction must be so that it is not asked about.", auto_repeat=True),
    ActionSpec("leave_regions", "Leave the uncertain regions", (), "close", "Predictions",
               "Look at no more uncertain regions of this picture. Esc."),
    ActionSpec("live_prediction", "Live prediction", ("Ctrl+J",), "live", "Predictions",
               "Predict this picture again after each stroke, from its strokes and the other labelled pictures.",
               checkable=True),
    ActionSpec("next_similar", "Next similar place", ("Alt+D",), "next", "Predictions",
               "Show the next place that looks like what was just corrected, in this or another picture.",
               auto_repeat=True),
    ActionSpec("previous_similar", "Previous similar place", ("Alt+A",), "previous", "Predictions",
               "Show the previous place that looks like what was just corrected.", auto_repeat=True),
    ActionSpec("leave_out_similar", "Leave out similar place", ("Alt+X",), "close", "Predictions",
               "Take the place that is framed off the list."),
    ActionSpec("accept_similar", "Accept similar places", ("Alt+Q",), "accept-all", "Predictions",
               "Label all listed places as the one corrected, where they have no label; one edit for each picture."),
    ActionSpec("dismiss_similar", "Dismiss similar places", (), "close", "Predictions",
               "Forget the places that look like what was just corrected."),
    # Training
    ActionSpec("train_now", "Train now", ("Ctrl+T",), "play", "Training",
               "Start training on the labels so far."),
    ActionSpec("choose_network", "Next run…", (), "settings", "Training",
               "Choose network and recipe of the next training run, with an augmentation preview."),
    ActionSpec("pause_training", "Pause training", ("Ctrl+.",), "pause", "Training",
               "Pause training, or resume it."),
    ActionSpec("compare_runs", "Compare runs…", (), "chart", "Training",
               "Settings that differ between the runs selected in the Train workspace, and the difference of each "
               "class."),
    ActionSpec("evaluate", "Evaluate a run…", (), "chart", "Training",
               "Scores of the run selected in the Train workspace, or of the network in use: by class, as a confusion "
               "matrix, and the pictures behind them."),
    ActionSpec("epoch_strip", "Epoch strip…", (), "chart", "Training",
               "What the run selected in the Train workspace, or the network in use, predicted in a few pictures at "
               "each of its checkpoints."),
    ActionSpec("report", "Report on runs…", (), "chart", "Training",
               "Evaluate the runs selected in the Train workspace, or the network in use, and show the result."),
    ActionSpec("report_project", "Report on the project…", (), "chart", "Training",
               "Write a page about the project: what is labelled, and its runs over time."),
    ActionSpec("stop_training", "Stop training", ("Ctrl+Shift+.",), "stop", "Training",
               "Stop this training round; the best checkpoint is kept."),
    # View
    ActionSpec("fit", "Fit", ("F", "Ctrl+0"), "fit", "View",
               "Show the whole picture."),
    ActionSpec("actual_size", "100 %", ("Ctrl+1",), "actual-size", "View",
               "Show one picture pixel as one screen pixel."),
    ActionSpec("zoom_in", "Zoom in", ("+", "Ctrl++", "=", "Ctrl+="), "zoom-in", "View",
               "Zoom in.", auto_repeat=True),
    ActionSpec("zoom_out", "Zoom out", ("-", "Ctrl+-"), "zoom-out", "View",
               "Zoom out.", auto_repeat=True),
    ActionSpec("hide_overlays", "Hide overlays", ("H",), "eye-off", "View",
               "Hide all overlays while held; a tap switches them.", checkable=True),
    ActionSpec("more_opaque", "More opaque", ("O",), "opacity", "View",
               "Increase the opacity of the overlay.", auto_repeat=True),
    ActionSpec("less_opaque", "Less opaque", ("Shift+O",), "opacity", "View",
               "Decrease the opacity of the overlay.", auto_repeat=True),
    ActionSpec("cycle_view", "Cycle view", ("M",), "layers", "View",
               "Show label and prediction, then only the label, the prediction, or the difference."),
    ActionSpec("outline_only", "Outlines only", ("Shift+T",), "outline", "View",
               "Draw regions as outlines only, or fill them again.", checkable=True),
    ActionSpec("class_patterns", "Class patterns", ("Shift+X",), "patterns", "View",
               "Stripes, dots and crosses over the fills, to tell classes apart without colour.",
              checkable=True),
    ActionSpec("uncertainty_layer", "Uncertainty", ("Ctrl+U",), "uncertain", "View",
               "A heat map of the uncertainty of the prediction.",
              checkable=True),
    ActionSpec("flicker", "Flicker", ("F4",), "swap", "View",
               "Show the prediction in place of the label while held; a tap switches it.",
              checkable=True),
    ActionSpec("swipe", "Swipe comparison", ("Y",), "swipe", "View",
               "Drag a line across the picture to compare both sides. A click on a title chooses picture, label, "
               "prediction or difference. Esc ends.", checkable=True),
    ActionSpec("side_by_side", "Side by side", ("Shift+Y",), "side-by-side", "View",
               "Two linked views of the same place; what each shows is chosen by its title. Both can be painted in. "
               "Esc ends.", checkable=True),
    ActionSpec("brush_ruler", "Brush ruler", ("Shift+R",), "ruler", "View",
               "Keep the scale at the brush cursor that shows its width in picture pixels.", checkable=True),
    ActionSpec("minimap", "Overview", ("Shift+F",), "minimap", "View",
               "A minimap of the whole picture while only a part is visible; drag in it to move.",
              checkable=True),
    ActionSpec("pixel_grid", "Pixel grid", ("Ctrl+'",), "grid", "View",
               "Grid lines between the pixels of the picture, from 1200 % zoom on.", checkable=True),
    ActionSpec("adjust_view", "Brightness and contrast", ("Ctrl+L",), "levels", "View",
               "Brightness, contrast, levels and channels of the displayed picture. The file and the input of the "
               "network do not change.", checkable=True),
    ActionSpec("reset_view_tone", "Reset brightness", ("Ctrl+Shift+L",), "undo", "View",
               "Reset brightness, contrast, levels and channels."),
    ActionSpec("fold_side_column", "Side column", ("Ctrl+B",), "layers", "View",
               "Fold the column with classes, layers and training, or show it again. Its border can be dragged."),
    ActionSpec("theme_light", "Light theme", (), "sun", "View",
               "Always the light theme.", exclusive_group="theme"),
    ActionSpec("theme_dark", "Dark theme", (), "moon", "View",
               "Always the dark theme.", exclusive_group="theme"),
    ActionSpec("theme_system", "System theme", (), "system", "View",
               "Light or dark as in the system.", exclusive_group="theme"),
    # Window
    ActionSpec("workspace_label", "Label", ("Ctrl+Alt+1", "F5"), "label", "Window",
               "Paint and correct labels.", exclusive_group="workspace"),
    ActionSpec("workspace_review", "Review", ("Ctrl+Alt+2", "F6"), "grid", "Window",
               "Accept predictions of many pictures, and find label errors.", exclusive_group="workspace"),
    ActionSpec("workspace_train", "Train", ("Ctrl+Alt+3", "F7"), "chart", "Window",
               "Training curves and runs.", exclusive_group="workspace"),
    ActionSpec("workspace_data", "Data", ("Ctrl+Alt+4", "F8"), "project", "Window",
               "Statistics, splits, import and export.", exclusive_group="workspace"),
    ActionSpec("workspace_learn", "Learn", ("Ctrl+Alt+5", "F9"), "learn", "Window",
               "What a network computes, shown on your own picture.", exclusive_group="workspace"),
    ActionSpec("command_palette", "Search", ("Ctrl+K",), "search", "Window",
               "Command palette: find actions, classes and pictures by name."),
    ActionSpec("past_messages", "Past messages", ("Ctrl+M",), "messages", "Window",
               "Read again what the status bar has said."),
    ActionSpec("edit_keys", "Edit shortcuts…", ("Ctrl+Alt+K",), "keyboard", "Window",
               "Assign other keyboard shortcuts to the actions."),
    ActionSpec("cheat_sheet", "Keys and mouse", ("F1", "?"), "keyboard", "Window",
               "All shortcuts and mouse gestures on one page."),
    ActionSpec("full_screen", "Full screen", ("F11",), "full-screen", "Window",
               "Enter or leave full screen.", checkable=True),
)
# fmt: on


_BY_ID = {row.id: row for row in ACTIONS}


def action_spec(action_id: str) -> ActionSpec:
    """The entry of the table. Raises KeyError for an unknown id."""
    return _BY_ID[action_id]


_custom_shortcuts: dict[str, tuple[str, ...]] = {}
# Shortcuts that differ from the table, set by `KeyMap`. Global, as there is one keyboard, and tooltips and menus of
# every part of the window name shortcuts.


def shortcuts_of(action_id: str) -> tuple[str, ...]:
    """The current shortcuts. Raises KeyError for an unknown id."""
    return _custom_shortcuts.get(action_id, action_spec(action_id).shortcuts)


def set_shortcuts(differences: Mapping[str, tuple[str, ...]]) -> None:
    """Set the shortcuts of the actions that differ from the table; all others have those of the table."""
    _custom_shortcuts.clear()
    _custom_shortcuts.update(differences)


def native_text(keys: str) -> str:
    """A shortcut as the system writes it; the key that Qt calls Return is labelled Enter."""
    text = QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
    return text.replace("Return", "Enter")


def shortcut_text(action_id: str) -> str:
    """The first current shortcut as the system writes it; empty without one."""
    shortcuts = shortcuts_of(action_id)
    return native_text(shortcuts[0]) if shortcuts else ""


def tooltip(action_id: str) -> str:
    """Tooltip of an action's button: title, shortcut and help, as rich text."""
    found = action_spec(action_id)
    keys = shortcut_text(action_id)
    head = f"<b>{found.title.rstrip('…')}</b>" + (f"&nbsp;&nbsp;{keys}" if keys else "")
    return f"<p style='white-space:pre'>{head}</p><p>{found.help}</p>"


def build_actions(parent: QWidget, theme: Theme | None = None) -> dict[str, QAction]:
    """All actions by id, added to `parent` so that their shortcuts work wherever the focus is in its window.

    A focused text field claims the keys that can be typed before they become shortcuts (`is_text_input`). With a theme
    the actions have icons that follow it.
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
        if theme is not None and not entry.family:  # a family, such as the class numbers, has no buttons
            set_themed_icon(action, entry.icon, theme)
        parent.addAction(action)
        made[entry.id] = action
    return made


def is_text_input(widget: QObject | None = None) -> bool:
    """Whether `widget`, or else the focus widget, is a text field, to which plain keys belong."""
    widget = widget or QApplication.focusWidget()
    if isinstance(widget, QLineEdit | QPlainTextEdit | QTextEdit):
        return not widget.isReadOnly()
    return isinstance(widget, QAbstractSpinBox) or (isinstance(widget, QComboBox) and widget.isEditable())
