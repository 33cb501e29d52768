"""Mouse gestures and keys of the canvas that are no actions, for the cheat sheet."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gesture:
    """group: of the cheat sheet, as of an action"""

    keys: tuple[str, ...]
    title: str
    group: str


GESTURES: tuple[Gesture, ...] = (
    Gesture(("Ctrl + arrows", "+ Shift"), "Move the cursor by 10, 1 pixels", "Tools"),
    Gesture(("Ins", "Ctrl + Space"), "Press and release the mouse button", "Tools"),
    Gesture(("Shift, Ctrl, Alt + Ins",), "The same with a modifier key", "Tools"),
    Gesture(("Esc",), "Focus the canvas", "View"),
    Gesture(("Wheel", "Ctrl + wheel", "Pinch"), "Zoom at the cursor", "View"),
    Gesture(("Space + drag", "Middle drag", "Two fingers"), "Move the picture", "View"),
    Gesture(("Shift + wheel", "Alt + right drag"), "Brush size", "Tools"),
    Gesture(("Shift + click",), "Straight line from the last point", "Tools"),
    Gesture(("Right drag", "Ctrl + drag"), "Erase: brush, lasso, shapes", "Tools"),
    Gesture(("Shift + drag", "Alt + drag"), "Square, from the middle", "Tools"),
    Gesture(("Alt + click",), "Brush: pick the class", "Tools"),
    Gesture(("Alt + click",), "Polygon: open an outline", "Tools"),
    Gesture(("Drag", "Ctrl + click"), "Move, remove a corner", "Tools"),
    Gesture(("Shift + first corner",), "Close, continue with a hole", "Tools"),
    Gesture(("Enter", "Backspace", "Esc"), "Fill, remove last, cancel", "Tools"),
    Gesture(("Drag sideways",), "Tolerance of the wand", "Tools"),
    Gesture(("Wheel",), "Superpixels: size of the segments", "Tools"),
    Gesture(("Ctrl + drag",), "Background (GrabCut, watershed)", "Tools"),
    Gesture(("Drag", "Ctrl + drag"), "Move, copy the selected region", "Regions"),
    Gesture(("Arrows", "Shift + arrows"), "Nudge it by 1, 10 pixels", "Regions"),
    Gesture(("Ctrl+C", "Ctrl+V"), "Copy it to another picture", "Regions"),
    Gesture(("Tab", "Shift + Tab"), "Next, previous uncertain region", "Predictions"),
    Gesture(("Enter",), "The region is right", "Predictions"),
    Gesture(("1 … 9", "V"), "The region has another class", "Predictions"),
    Gesture(("Ctrl + Tab",), "From the canvas to the next field", "View"),
    Gesture(("Menu", "Right click"), "Menu of a class", "Classes"),
    Gesture(("Alt + click on the eye",), "Show one class alone", "Classes"),
    Gesture(("Esc",), "Remove the frames of useful regions", "Pictures"),
    Gesture(("K", "F"), "Suspect: keep, fix the label", "Review"),
    Gesture(("Up", "Down"), "Previous, next suspect", "Review"),
    Gesture(("Enter",), "Show the suspect, open its picture", "Review"),
    Gesture(("Esc", "Ctrl+Z"), "Back to the pictures, undo", "Review"),
    Gesture(("S", "F2", "T"), "Table of runs: star, note, tags", "Training"),
    Gesture(("C", "R", "Del"), "Compare, repeat, delete runs", "Training"),
)
