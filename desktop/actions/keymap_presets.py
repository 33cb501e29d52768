"""Keymap presets: those that follow other programs, for the actions that both have, and those for other keyboards."""

from __future__ import annotations

STANDARD = "Maskloop"

CVAT: dict[str, tuple[str, ...]] = {
    "next_picture": ("F", "Right"),
    "previous_picture": ("D", "Left"),
    "next_open": ("Shift+F", "Shift+Right"),
    "previous_open": ("Shift+D", "Shift+Left"),
    "fit": ("Ctrl+0",),
    "tool_brush": ("Shift+1", "B"),
    "tool_eraser": ("Shift+2", "E"),
    "hide_class": ("H",),
    "hide_overlays": ("Shift+H",),
    "lock_class": ("L",),
    "tool_lasso": ("Shift+L",),
    "minimap": ("Ctrl+Shift+F",),
    "class_11": ("Alt+1",),
    "class_12": ("Alt+2",),
    "settings": ("F2", "Ctrl+,"),
    "rename_class": ("Shift+F2",),
    "actual_size": ("Ctrl+Alt+0",),
    **{f"class_{n}": (str(n), f"Ctrl+{n}") for n in range(1, 10)},
}

LABELME: dict[str, tuple[str, ...]] = {
    "next_picture": ("D", "Ctrl+Shift+D", "Right"),
    "previous_picture": ("A", "Ctrl+Shift+A", "Left"),
    "open_folder": ("Ctrl+U", "Ctrl+O"),
    "tool_polygon": ("Ctrl+N", "P"),
    "fit": ("Ctrl+F", "F"),
    "actual_size": ("Ctrl+0", "Ctrl+1"),
    "hide_overlays": ("T", "H"),
    "add_tag": ("Shift+T",),
    "outline_only": ("Ctrl+Shift+T",),
    "uncertainty_layer": ("Ctrl+Shift+U",),
}

PHOTOSHOP: dict[str, tuple[str, ...]] = {
    "undo": ("Ctrl+Z", "Ctrl+Alt+Z"),
    "fit": ("Ctrl+0",),
    "full_screen": ("F", "F11"),
    "hide_overlays": ("Ctrl+H", "H"),
    "history": ("Ctrl+Alt+H",),
    "lock_class": ("/",),
    "command_palette": ("Ctrl+F",),
    "settings": ("Ctrl+K", "Ctrl+,"),
    "edit_keys": ("Ctrl+Alt+Shift+K",),
    "export": ("Ctrl+Alt+Shift+W", "Ctrl+E"),
}

_WORKSPACES = {
    f"workspace_{name}": (f"F{n}", f"Ctrl+Alt+{n - 4}")
    for n, name in enumerate(("label", "review", "train", "data", "learn"), 5)
}

AZERTY: dict[str, tuple[str, ...]] = {
    **{f"class_{n}": (key, str(n)) for n, key in enumerate("&É\"'(-È_Ç", 1)},
    "class_0": ("À", "0"),
    **{f"class_{n}": (f"Alt+{key}",) for n, key in enumerate("&É\"'(-È_Ç", 11)},
    "zoom_in": ("=", "+", "Ctrl++"),
    "zoom_out": (")", "Ctrl+-"),
    "actual_size": ("Ctrl+&", "Ctrl+1"),
    "fit": ("F", "Ctrl+À"),
    "brush_smaller": (",", "PgDown", "["),
    "brush_bigger": (";", "PgUp", "]"),
    "previous_picture": ("Q", "Left"),
    "previous_open": ("Shift+Q", "Shift+Left"),
    "accept_region": ("A",),
    "accept_class": ("Shift+A",),
    "pause_training": ("Ctrl+;",),
    "stop_training": ("Ctrl+:",),
    **_WORKSPACES,
}
"""French and Belgian: digits need Shift, A and Q are where US keyboards have Q and A."""

WITHOUT_BRACKETS: dict[str, tuple[str, ...]] = {
    "brush_smaller": (",", "PgDown", "["),
    "brush_bigger": (".", "PgUp", "]"),
    **_WORKSPACES,
}
"""German, Spanish, Italian, Nordic, Turkish: brackets, and Ctrl+Alt with a digit on Windows, are AltGr's."""

PRESETS: dict[str, dict[str, tuple[str, ...]]] = {
    STANDARD: {},
    "Like CVAT": CVAT,
    "Like labelme": LABELME,
    "Like Photoshop": PHOTOSHOP,
    "For AZERTY keyboards": AZERTY,
    "For German, Spanish, Nordic, Turkish keyboards": WITHOUT_BRACKETS,
}
"""What each preset changes in the defaults; an action that loses its only shortcut to it gets another one here."""
