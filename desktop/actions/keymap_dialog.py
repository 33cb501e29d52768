"""Dialog of the keymap: search actions by name or shortcut, assign shortcuts, use a preset."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QKeySequenceEdit,
    QLineEdit,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from desktop.actions.catalog import ACTIONS, action_spec, native_text
from desktop.actions.cheat_sheet import GROUP_COLUMNS
from desktop.actions.keymap import MAX_SHORTCUTS, KeyMap, normalize, reserved_reason
from desktop.actions.keymap_presets import PRESETS, STANDARD
from desktop.actions.layout_hints import layout_hint
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import button, column, combo_box, row, text_label

CUSTOM = "Custom"
_ID = Qt.ItemDataRole.UserRole
ROW_HEIGHT = 28
_WIDTHS = (232, 144, 208, 104, 104)


class ShortcutDelegate(QStyledItemDelegate):
    """Edits a cell by the next key pressed; Esc cancels."""

    shortcut_typed = Signal(str, int, str)
    """Carries action id, index of the shortcut, and the new shortcut."""

    def sizeHint(  # noqa: N802
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return QSize(super().sizeHint(option, index).width(), ROW_HEIGHT)

    def createEditor(  # noqa: N802
        self, parent: QWidget, _option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QWidget:
        action_id = index.sibling(index.row(), 0).data(_ID)
        if index.column() == 0 or not action_id:
            return None  # type: ignore[return-value]  # Qt: this cell cannot be edited
        field = QKeySequenceEdit(parent)
        field.setMaximumSequenceLength(1)
        field.setAccessibleName("Press the new key")
        field.keySequenceChanged.connect(lambda keys: self._finish(field, action_id, index, keys))
        return field

    def setEditorData(self, _editor: QWidget, _index: QModelIndex | QPersistentModelIndex) -> None:  # noqa: N802
        """The editor starts empty."""

    def setModelData(self, *_: object) -> None:  # noqa: N802
        """Does nothing: `shortcut_typed` carries what was typed, and the dialog decides."""

    def eventFilter(self, editor: QObject, event: QEvent) -> bool:  # noqa: N802
        # The base class ends editing at Enter and Tab with any modifier; here they are keys like others.
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            is_plain = event.modifiers() == Qt.KeyboardModifier.NoModifier
            if event.key() != Qt.Key.Key_Escape or not is_plain:
                return False
        return super().eventFilter(editor, event)

    def _finish(
        self,
        field: QKeySequenceEdit,
        action_id: str,
        index: QModelIndex | QPersistentModelIndex,
        keys: QKeySequence,
    ) -> None:
        if keys.isEmpty():
            return
        number = index.column() - 1
        # Losing the focus would emit once more and close the editor twice.
        field.keySequenceChanged.disconnect()
        field.removeEventFilter(self)
        self.closeEditor.emit(field)
        self.shortcut_typed.emit(action_id, number, keys.toString(QKeySequence.SequenceFormat.PortableText))


class KeymapDialog(QDialog):
    """Changes apply immediately."""

    def __init__(self, theme: Theme, keymap: KeyMap, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._keymap = theme, keymap
        self.setWindowTitle("Keyboard shortcuts")
        self.setModal(False)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search by name")
        self.search.setAccessibleName("Search by name")
        self.search.setClearButtonEnabled(True)
        self.shortcut_search = QKeySequenceEdit()
        self.shortcut_search.setMaximumSequenceLength(1)
        self.shortcut_search.setClearButtonEnabled(True)
        self.shortcut_search.setAccessibleName("Search by pressing a key")
        line = self.shortcut_search.findChild(QLineEdit)
        if line is not None:
            line.setPlaceholderText("Search by pressing a key")
        self.preset = combo_box([(name, name) for name in (*PRESETS, CUSTOM)], "Keymap preset")
        self.list = self._make_list()
        self._message, self._offer_button = text_label("", "muted", wrap=True), button("")
        self._offer_button.clicked.connect(self._run_offer)
        self._offered_action: Callable[[], None] | None = None
        self.reset, self.reset_all = button("Reset"), button("Reset all")
        self.reset.setToolTip("Restore the default shortcuts of the selected action.")
        self._connect()
        self._lay_out()
        self.refresh()

    def _make_list(self) -> QTreeWidget:
        made = QTreeWidget()
        made.setAccessibleName("Shortcuts of all actions")
        made.setHeaderLabels(["", "Key", "or", "or", "or"])
        made.setRootIsDecorated(False)
        made.setIndentation(0)
        made.setUniformRowHeights(True)
        made.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectItems)
        made.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self._delegate = ShortcutDelegate(made)
        made.setItemDelegate(self._delegate)
        self._items: dict[str, QTreeWidgetItem] = {}
        self._groups: list[QTreeWidgetItem] = []
        with_actions = {entry.group for entry in ACTIONS}  # others have only keys that cannot be changed
        for group in (group for groups in GROUP_COLUMNS for group in groups if group in with_actions):
            head = QTreeWidgetItem(made, [group])
            head.setFlags(Qt.ItemFlag.ItemIsEnabled)
            head.setFont(0, self._theme.strong_font())
            self._groups.append(head)
            for entry in (entry for entry in ACTIONS if entry.group == group):
                item = QTreeWidgetItem(head, [entry.title.rstrip("…")])
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
                item.setData(0, _ID, entry.id)
                item.setToolTip(0, entry.help)
                self._items[entry.id] = item
        made.expandAll()
        made.setItemsExpandable(False)
        for place, width in enumerate(_WIDTHS):
            made.setColumnWidth(place, width)
        return made

    def _connect(self) -> None:
        self.search.textChanged.connect(self._filter)
        self.shortcut_search.keySequenceChanged.connect(self._filter)
        self.list.itemClicked.connect(self._clicked)
        self.list.itemActivated.connect(self._clicked)
        self.list.currentItemChanged.connect(self._offer_reset)
        self.list.installEventFilter(self)
        self._delegate.shortcut_typed.connect(self._on_shortcut_typed)
        self.preset.activated.connect(self._use)
        self.reset.clicked.connect(self._reset)
        self.reset_all.clicked.connect(lambda: self._use_set(STANDARD))
        self._keymap.changed.connect(self.refresh)

    def _lay_out(self) -> None:
        close = button("Close")
        close.clicked.connect(self.close)
        self.search.setMinimumWidth(240)
        self.shortcut_search.setMinimumWidth(200)
        message = row(self._message, self._offer_button)
        message.setStretch(0, 1)
        self.setLayout(
            column(
                row(self.search, self.shortcut_search, None, self.preset),
                self.list,
                message,
                row(
                    text_label("Click a shortcut to change it; Del removes it.", "muted"),
                    None,
                    self.reset,
                    self.reset_all,
                    close,
                ),
                margins=(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID),
            )
        )
        for each in (self.search, self.reset, self.reset_all, close, self._offer_button):
            if not isinstance(each, QLineEdit):
                each.setAutoDefault(False)  # Enter edits the selected cell of the list
        self._message.setMinimumHeight(self._offer_button.sizeHint().height())
        self.resize(sum(_WIDTHS) + 6 * GRID, 640)

    def refresh(self) -> None:
        """Show the current shortcuts, and which of them this keyboard cannot type."""
        hint = layout_hint(self._keymap)
        untypable = hint.keys if hint else frozenset()
        for action_id, item in self._items.items():
            keys = self._keymap.shortcuts(action_id)
            changed = self._keymap.is_changed(action_id)
            for place in range(MAX_SHORTCUTS):
                item.setText(place + 1, _shortcut_text(keys[place]) if place < len(keys) else "")
                item.setFont(place + 1, self._theme.strong_font() if changed else self._theme.font)
                is_untypable = hint is not None and place < len(keys) and keys[place] in untypable
                item.setToolTip(place + 1, hint.sentence if hint and is_untypable else "")
                item.setForeground(place + 1, self._theme.colour("disabled" if is_untypable else "text"))
        self.preset.setCurrentIndex(self.preset.findData(self._keymap.preset or CUSTOM))
        self.reset_all.setEnabled(self._keymap.preset != STANDARD)
        self._filter()
        self._offer_reset()
        if hint is None:
            self._show_message("")
        else:
            use = partial(self._use_set, hint.preset)
            self._show_message(hint.sentence, f"Use the keymap “{hint.preset}”", use)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        super().showEvent(event)
        self.refresh()  # more is known about the keyboard now

    @property
    def message(self) -> str:
        """The sentence below the list."""
        return self._message.text()

    @property
    def offer_button(self) -> QWidget:
        """The button beside that sentence."""
        return self._offer_button

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802
        is_press = event.type() == QEvent.Type.KeyPress
        if (
            is_press
            and isinstance(event, QKeyEvent)
            and event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)
        ):
            self._clear()
            return True
        return False

    def _filter(self) -> None:
        wanted = self.search.text().casefold().split()
        key = normalize(self.shortcut_search.keySequence().toString(QKeySequence.SequenceFormat.PortableText))
        for action_id, item in self._items.items():
            entry = action_spec(action_id)
            text = f"{entry.title} {entry.group} {entry.help}".casefold()
            fits = all(word in text for word in wanted) and (
                not key or key in self._keymap.shortcuts(action_id)
            )
            item.setHidden(not fits)
        for head in self._groups:
            children = (head.child(n) for n in range(head.childCount()))
            head.setHidden(all(child is None or child.isHidden() for child in children))

    def _clicked(self, item: QTreeWidgetItem, place: int) -> None:
        if item.data(0, _ID):
            self.list.editItem(item, max(1, place))

    def _selected_action(self) -> str | None:
        item = self.list.currentItem()
        return item.data(0, _ID) if item is not None else None

    def _on_shortcut_typed(self, action_id: str, number: int, keys: str) -> None:
        reason, owner = reserved_reason(keys), self._keymap.owner(keys)
        had = list(self._keymap.shortcuts(action_id))
        if reason:
            self._show_message(reason)
        elif owner == action_id:
            self._show_message(f"{_shortcut_text(keys)} is already a shortcut of this action.")
        else:
            had[number : number + 1] = [keys]
            title = _title(action_id)
            if owner is None:
                self._keymap.assign(action_id, tuple(had))
            else:
                take = partial(self._change, partial(self._keymap.assign, action_id, tuple(had)))
                sentence = f"{_shortcut_text(keys)} is the shortcut of “{_title(owner)}”."
                self._show_message(
                    sentence,
                    f"Assign to “{title}”",
                    partial(take, f"{_shortcut_text(keys)} is now the shortcut of “{title}”."),
                )

    def _clear(self) -> None:
        chosen, number = self._selected_action(), self.list.currentColumn() - 1
        if chosen is None or not 0 <= number < len(self._keymap.shortcuts(chosen)):
            return
        had = list(self._keymap.shortcuts(chosen))
        gone = had.pop(number)
        act = partial(self._keymap.assign, chosen, tuple(had))
        self._change(act, f"{_shortcut_text(gone)} is no longer a shortcut.")

    def _reset(self) -> None:
        chosen = self._selected_action()
        if chosen is None:
            return
        before, losers = self._keymap.snapshot(), self._keymap.reset(chosen)
        names = ", ".join(f"“{_title(each)}”" for each in losers)
        if names:
            sentence = (
                f"Restored the default shortcuts of “{_title(chosen)}”, which were removed from {names}."
            )
        else:
            sentence = f"Restored the default shortcuts of “{_title(chosen)}”."
        self._offer_undo(before, sentence)

    def _use(self) -> None:
        name = self.preset.currentData()
        if name in PRESETS:
            self._use_set(name)
        else:
            self.refresh()  # “Custom” cannot be chosen

    def _use_set(self, name: str) -> None:
        sentence = "Restored all default shortcuts." if name == STANDARD else f"The keymap is now “{name}”."
        self._change(partial(self._keymap.use_preset, name), sentence)

    def _change(self, act: Callable[[], None], sentence: str) -> None:
        before = self._keymap.snapshot()
        act()
        self._offer_undo(before, sentence)

    def _offer_undo(self, before: dict[str, tuple[str, ...]], sentence: str) -> None:
        self._show_message(sentence, "Undo", lambda: self._keymap.restore(before))

    def _offer_reset(self) -> None:
        chosen = self._selected_action()
        self.reset.setEnabled(chosen is not None and self._keymap.is_changed(chosen))

    def _show_message(self, sentence: str, offer: str = "", act: Callable[[], None] | None = None) -> None:
        self._message.setText(sentence)
        self._offer_button.setText(offer)
        self._offer_button.setVisible(bool(offer))
        self._offered_action = act

    def _run_offer(self) -> None:
        act, self._offered_action = self._offered_action, None
        if act is not None:
            act()


def _shortcut_text(keys: str) -> str:
    """A shortcut for people; distinguishes the two Enter keys."""
    return (
        native_text(keys)
        if not keys.endswith("Enter")
        else native_text(keys).replace("Enter", "Enter (number pad)")
    )


def _title(action_id: str) -> str:
    return action_spec(action_id).title.rstrip("…")
