"""Which network the next training is for: rows that hang on each other, made from a table of fields."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QLabel, QLayout, QWidget

from core.models.catalogue import (
    Architecture,
    Encoder,
    architecture,
    architectures,
    encoders_for,
    has_pretrained_weights,
    network_cost,
)
from desktop.theme.theme import GRID
from desktop.widgets.controls import column, combo_box, row, text_label
from desktop.widgets.search_list import SearchList, SearchOption

UNCHANGED = ""
"""The value that wishes for nothing: as the newest run has it, or as is usual."""

Values = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NetworkField:
    """One row of the form.

    options: what can be chosen, given what the other fields say; empty switches the field off, with `none` as reason
    columns: their titles; with them the field is a list to search, of `rows` rows, else a box
    """

    name: str
    title: str
    help: str
    options: Callable[[Values], Sequence[SearchOption]]
    columns: tuple[str, ...] = ()
    rows: int = 0
    unavailable: str = ""


def _networks(_values: Values) -> list[SearchOption]:
    usual = SearchOption(UNCHANGED, "As it is", ("", "", "That of the newest run, or the usual one."))
    return [
        usual,
        *(
            SearchOption(one.name, one.title, (*_cost(*network_cost(one.name)), one.idea))
            for one in architectures()
        ),
    ]


def _encoders(values: Values) -> list[SearchOption]:
    row_of = _architecture(values)
    return [_encoder_option(one) for one in encoders_for(row_of)] if row_of else []


def _encoder_option(one: Encoder) -> SearchOption:
    return SearchOption(
        one.name, one.name, (*_cost(one.parameters, one.gmacs), "ImageNet weights" if one.pretrained else "")
    )


def _weights(values: Values) -> list[SearchOption]:
    row_of = _architecture(values)
    if row_of is None or not has_pretrained_weights(row_of, values.get("encoder") or None):
        return []
    return [
        SearchOption("none", "None: learn from scratch"),
        SearchOption("imagenet", "ImageNet: downloaded once"),
    ]


def _sizes(_values: Values) -> list[SearchOption]:
    sides = (128, 192, 256, 384, 512, 768, 1024)
    return [
        SearchOption(UNCHANGED, "As it is"),
        *(SearchOption(str(side), f"{side} pixels") for side in sides),
    ]


FIELDS = (
    NetworkField(
        "architecture",
        "Network",
        "A network that was trained here before goes on from its newest weights.",
        _networks,
        ("Network", "Million weights", "GMACs", "What it is"),
        6,
    ),
    NetworkField(
        "encoder",
        "Encoder",
        "The way down, which sees what there is. More GMACs (work for 256 x 256 pixels): slower.",
        _encoders,
        ("Encoder", "Million weights", "GMACs", "Pretrained"),
        6,
        unavailable="This network has a way down of its own.",
    ),
    NetworkField(
        "weights",
        "Starting weights",
        "Only for an encoder that was not trained here yet.",
        _weights,
        unavailable="None can be had.",
    ),
    NetworkField(
        "size",
        "Picture size",
        "Long side of what the network sees.",
        _sizes,
    ),
)


class NetworkPage(QWidget):
    """`changed` when the user chooses something else."""

    changed = Signal()

    def __init__(self, values: Values) -> None:
        super().__init__()
        self.widgets: dict[str, SearchList | QComboBox] = {}
        self._help: dict[str, QLabel] = {}
        layout = column(spacing=GRID)
        for field in FIELDS:
            layout.addLayout(self._row(field))
        layout.addStretch(1)
        self.setLayout(layout)
        self.summary = ""
        self.set_values(values)

    def values(self) -> dict[str, str]:
        """What each field says; "" where it is switched off or wishes for nothing."""
        return {name: _value(widget) for name, widget in self.widgets.items()}

    def set_values(self, values: Values) -> None:
        """Each field anew, in order: what can be chosen may hang on those above it."""
        known = dict(values)
        for field in FIELDS:
            widget, options = self.widgets[field.name], field.options(known)
            keys = [one.key for one in options]
            if known.get(field.name, "") not in keys:
                known[field.name] = _default_key(field, known, keys)
            widget.setEnabled(bool(options))
            missing = field.unavailable if known.get("architecture") else "As the newest run has it."
            self._help[field.name].setText(field.help if options else missing)
            _set_options(widget, options, known[field.name])
        # A search may hide the row that is chosen.
        chosen = _architecture(known)
        encoder = f" on {known['encoder']}" if known.get("encoder") else ""
        self.summary = f"{chosen.title}{encoder}" if chosen else "The network stays as it is"

    def _row(self, field: NetworkField) -> QLayout:
        title, help_line = text_label(field.title, "heading"), text_label(field.help, "muted")
        self._help[field.name] = help_line
        if field.columns:
            many = SearchList(field.title, field.columns, field.rows)
            many.set_column_width(0, 30 * GRID)
            many.set_column_width(1, 15 * GRID)
            many.changed.connect(self._chosen)
            self.widgets[field.name] = many
            return column(row(title, help_line, None, spacing=2 * GRID), many, spacing=4)
        box = combo_box((), field.title)
        box.setFixedWidth(30 * GRID)
        box.activated.connect(self._chosen)
        self.widgets[field.name] = box
        title.setFixedWidth(16 * GRID)
        return row(title, box, help_line, None, spacing=2 * GRID)

    def _chosen(self) -> None:
        self.set_values(self.values())
        self.changed.emit()


def _default_key(field: NetworkField, values: Values, keys: Sequence[str]) -> str:
    """What a field says when what it said cannot be chosen any more."""
    row_of = _architecture(values)
    usual = (row_of.encoder or "") if field.name == "encoder" and row_of else ""
    return usual if usual in keys else (keys[0] if keys else "")


def _architecture(values: Values) -> Architecture | None:
    name = values.get("architecture")
    return architecture(name) if name else None


def _cost(parameters: float, gmacs: float) -> tuple[str, str]:
    return _number(parameters), _number(gmacs)


def _number(amount: float) -> str:
    if math.isnan(amount):
        return "–"
    return f"{amount:.2f}" if amount < 1 else f"{amount:.1f}"


def _value(widget: SearchList | QComboBox) -> str:
    return widget.value() if isinstance(widget, SearchList) else (widget.currentData() or "")


def _set_options(widget: SearchList | QComboBox, options: Sequence[SearchOption], value: str) -> None:
    if isinstance(widget, SearchList):
        widget.set_options(options)
    else:
        widget.clear()
        for one in options:
            widget.addItem(one.title, one.key)
    if isinstance(widget, SearchList):
        widget.set_value(value)
    elif options:
        widget.setCurrentIndex([one.key for one in options].index(value))
