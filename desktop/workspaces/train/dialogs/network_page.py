"""Page of the run form that chooses the network: each field's choices depend on the fields above it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QLabel, QLayout, QWidget

from core.base.errors import ModelError
from core.base.option_spec import OptionSpec
from core.models.catalogue import (
    Architecture,
    architecture,
    architecture_title,
    architectures,
    encoder_title,
    encoders_for,
    has_pretrained_weights,
    network_cost,
    pretrained_text,
)
from core.models.networks.packaged_weights import is_packaged
from core.models.spec import InputSize, parse_input_size, size_text
from desktop.theme.theme import GRID
from desktop.widgets.controls import column, combo_box, row, text_label
from desktop.widgets.search_list import SearchList, SearchOption

UNCHANGED = ""
"""The value of a field that chooses nothing: as in the network in use, or the default."""
INPUT_SIZES: tuple[InputSize, ...] = (
    128, 192, 256, 352, 384, 480, 512, 768, 1024, (256, 144), (256, 256), (512, 256), (512, 288)
)  # fmt: skip
"""Offered for the network's input; others can be typed."""

Values = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NetworkField:
    """One row of the page: an option whose choices depend on the values of the others.

    choices: for these values; none disables the field, with `unavailable` as the reason
    columns: titles; with them the field is a searchable list that shows `rows` rows, else a combo box
    parse: with it other texts than the choices can be typed; raises ModelError
    """

    option: OptionSpec
    choices: Callable[[Values], Sequence[SearchOption]]
    columns: tuple[str, ...] = ()
    rows: int = 0
    unavailable: str = ""
    parse: Callable[[str], object] | None = None

    @property
    def name(self) -> str:
        return self.option.name


def _network_choices(_values: Values) -> list[SearchOption]:
    unchanged = SearchOption(
        UNCHANGED, "Same as the network in use", ("", "", "The default before the first training.")
    )
    return [
        unchanged,
        *(
            SearchOption(each.name, each.title, (*_cost(*network_cost(each.name)), each.idea))
            for each in architectures()
        ),
    ]


def _encoder_choices(values: Values) -> list[SearchOption]:
    chosen = _architecture(values)
    return [
        SearchOption(
            each.name,
            encoder_title(each.name),
            (*_cost(each.parameters, each.gmacs), pretrained_text(each)),
        )
        for each in (encoders_for(chosen) if chosen else ())
    ]


def _weight_choices(values: Values) -> list[SearchOption]:
    chosen = _architecture(values)
    if chosen is None or not has_pretrained_weights(chosen, values.get("encoder") or None):
        return []
    none = SearchOption("none", "None: random weights")
    if is_packaged(values.get("encoder") or chosen.encoder or ""):
        return [SearchOption("imagenet", "ImageNet: included"), none]
    return [none, SearchOption("imagenet", "ImageNet: downloaded once")]


def _size_choices(_values: Values) -> list[SearchOption]:
    return [
        SearchOption(UNCHANGED, "Same as the network in use"),
        *(SearchOption(size_text(size), _size_title(size)) for size in INPUT_SIZES),
    ]


def _size_title(size: InputSize) -> str:
    return f"{size} pixels" if isinstance(size, int) else f"{size[0]} x {size[1]} pixels"


def _option(name: str, title: str, help_text: str) -> OptionSpec:
    return OptionSpec(name, title, help_text, kind=str, default=UNCHANGED, group="Network")


FIELDS = (
    NetworkField(
        _option(
            "architecture",
            "Network",
            "A network trained in this project before continues from its newest weights.",
        ),
        _network_choices,
        ("Network", "Million weights", "GMACs", "Description"),
        6,
    ),
    NetworkField(
        _option(
            "encoder",
            "Encoder",
            "The backbone that computes features. More GMACs (for 256 × 256 pixels): slower.",
        ),
        _encoder_choices,
        ("Encoder", "Million weights", "GMACs", "Pretrained"),
        6,
        unavailable="This network has a built-in encoder.",
    ),
    NetworkField(
        _option(
            "weights", "Initial weights", "Only for an encoder that was not trained in this project yet."
        ),
        _weight_choices,
        unavailable="There are no pretrained weights for it.",
    ),
    NetworkField(
        _option(
            "size",
            "Input size",
            "The longer side, or width x height; others can be typed.",
        ),
        _size_choices,
        parse=parse_input_size,
    ),
)


class NetworkPage(QWidget):
    """`changed` when the user chooses something else. `summary`: the chosen network, for people."""

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
        """The value of each field by name; `UNCHANGED` where it is disabled or chooses nothing."""
        return {name: _value(widget) for name, widget in self.widgets.items()}

    def set_values(self, values: Values) -> None:
        """Fill the fields in order, as the choices of one depend on those above it."""
        known = dict(values)
        for field in FIELDS:
            widget, choices = self.widgets[field.name], field.choices(known)
            keys = [each.key for each in choices]
            if field.parse and known.get(field.name):  # typed
                self._help[field.name].setText(field.option.help)
                _set_choices(widget, choices, known[field.name])
                continue
            if known.get(field.name, "") not in keys:
                known[field.name] = _default_key(field, known, keys)
            widget.setEnabled(bool(choices))
            reason = field.unavailable if known.get("architecture") else "Same as in the network in use."
            self._help[field.name].setText(field.option.help if choices else reason)
            _set_choices(widget, choices, known[field.name])
        # Not read from the list: a search may hide the row that is selected.
        chosen = _architecture(known)
        self.summary = (
            architecture_title(chosen.name, known.get("encoder")) if chosen else "The network in use"
        )

    def problems(self) -> list[str]:
        """A sentence for each typed text that cannot be used."""
        found = []
        for field in FIELDS:
            if field.parse and (text := _value(self.widgets[field.name])):
                try:
                    field.parse(text)
                except ModelError as problem:
                    found.append(str(problem))
        return found

    def _row(self, field: NetworkField) -> QLayout:
        option = field.option
        title, help_line = text_label(option.title, "heading"), text_label(option.help, "muted")
        self._help[field.name] = help_line
        if field.columns:
            search_list = SearchList(option.title, field.columns, field.rows)
            search_list.set_column_width(0, 30 * GRID)
            search_list.set_column_width(1, 15 * GRID)
            search_list.changed.connect(self._on_chosen)
            self.widgets[field.name] = search_list
            return column(row(title, help_line, None, spacing=2 * GRID), search_list, spacing=4)
        box = combo_box((), option.title)
        box.setFixedWidth(30 * GRID)
        box.activated.connect(self._on_chosen)
        if field.parse:
            box.setEditable(True)
            box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
            line = box.lineEdit()
            assert line is not None
            line.textEdited.connect(self.changed)
        self.widgets[field.name] = box
        title.setFixedWidth(16 * GRID)
        return row(title, box, help_line, None, spacing=2 * GRID)

    def _on_chosen(self) -> None:
        self.set_values(self.values())
        self.changed.emit()


def _default_key(field: NetworkField, values: Values, keys: Sequence[str]) -> str:
    """The value of a field whose former value is no longer among its choices."""
    chosen = _architecture(values)
    default = (chosen.encoder or "") if field.name == "encoder" and chosen else ""
    return default if default in keys else (keys[0] if keys else "")


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
    if isinstance(widget, SearchList):
        return widget.value()
    at = widget.findText(widget.currentText())
    return (widget.itemData(at) or "") if at >= 0 else widget.currentText().strip()


def _set_choices(widget: SearchList | QComboBox, choices: Sequence[SearchOption], value: str) -> None:
    if isinstance(widget, SearchList):
        widget.set_options(choices)
        widget.set_value(value)
        return
    widget.clear()
    for each in choices:
        widget.addItem(each.title, each.key)
    keys = [each.key for each in choices]
    if value in keys:
        widget.setCurrentIndex(keys.index(value))
    elif choices:
        widget.setEditText(value)
