"""The classes panel: the class list with shares and IoU, ready sets of classes, and the field that adds classes."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QLineEdit, QPushButton, QSizePolicy, QStackedWidget, QWidget

from core.labels.class_list import ClassList, default_colour
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import MARGIN, column, icon_button, row, text_label
from desktop.workspaces.label.panels.classes.list_view import ClassListView
from desktop.workspaces.label.panels.classes.row_delegate import ROW_MARGIN, SCORE_WIDTH, SHARE_WIDTH

CLASS_PRESETS = (
    ("Street", ("road", "building", "tree", "car", "person", "sky")),
    ("Aerial", ("road", "building", "tree", "field", "water")),
    ("Object", ("object", "background")),
)

MIN_FILTERED_CLASSES = 13
"""With fewer classes the list has no filter field: they are all in sight."""
_LEFT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft


class ClassPresetButton(QPushButton):
    """A button that adds a ready set of classes; shows its title, the names and the colours they will get."""

    def __init__(self, theme: Theme, title: str, names: tuple[str, ...]) -> None:
        super().__init__()
        self._theme, self._title, self._names = theme, title, names
        self.setProperty("role", "card")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(f"{title}: {', '.join(names)}")
        self.setToolTip(", ".join(names))

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(200, 2 * self.fontMetrics().height() + 2 * GRID + 4)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """In a low window only title and colours are shown."""
        return QSize(120, self.fontMetrics().height() + GRID)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        line = self.fontMetrics().height()
        free = self.height() - 2 * line
        inside = self.rect().adjusted(12, 0, -12, 0)
        title, names = QRect(inside), QRect(inside)
        if free >= 4:  # both lines fit, one below the other
            gap = min(GRID, free // 2)
            title.setRect(inside.left(), gap, inside.width(), line)
            names.setRect(inside.left(), self.height() - gap - line, inside.width(), line)
            painter.setFont(self._theme.font)
            painter.setPen(self._theme.colour("muted"))
            elided = self.fontMetrics().elidedText(
                ", ".join(self._names), Qt.TextElideMode.ElideRight, names.width()
            )
            painter.drawText(names, _LEFT, elided)
        painter.setFont(self._theme.strong_font())
        painter.setPen(self._theme.colour("text"))
        painter.drawText(title, _LEFT, self._title)
        painter.setPen(Qt.PenStyle.NoPen)
        left = inside.right() + 1 - 14 * len(self._names) + 4
        for at in range(len(self._names)):
            painter.setBrush(QColor(*default_colour(at + 1)))
            painter.drawRoundedRect(left + 14 * at, title.center().y() - 5, 10, 10, 2.5, 2.5)
        painter.end()


class ClassesPanel(QWidget):
    """Every change is only requested by a signal; `set_classes` is called with the result."""

    class_chosen = Signal(int)
    classes_added = Signal(list)
    class_renamed = Signal(int, str)
    class_recoloured = Signal(int, object)
    action_requested = Signal(str, int)
    merge_requested = Signal(int, int)
    order_requested = Signal(list)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.list_view = ClassListView(theme)
        self.list_view.class_chosen.connect(self.class_chosen)
        self.list_view.class_renamed.connect(self.class_renamed)
        self.list_view.class_recoloured.connect(self.class_recoloured)
        self.list_view.action_requested.connect(self.action_requested)
        self.list_view.merge_requested.connect(self.merge_requested)
        self.list_view.order_requested.connect(self.order_requested)
        self.name_field = QLineEdit()
        self.name_field.setPlaceholderText("Add classes: road, tree, water")
        self.name_field.setAccessibleName("Names of new classes, separated by commas")
        self.name_field.setMaxLength(2000)
        self.name_field.returnPressed.connect(self._add)
        self.name_field.textEdited.connect(lambda _text: self.show_error(""))
        self._error = text_label("", "danger", wrap=True)
        self._error.hide()
        self._column_titles = (text_label("Pixels", "muted"), text_label("IoU", "muted"))
        self._column_titles[0].setToolTip("Share of all labelled pixels")
        self._column_titles[1].setToolTip(
            "Intersection over union: how well the predicted area of a class covers the labelled one; 1.00 is perfect"
        )
        self.filter_field = QLineEdit()
        self.filter_field.setPlaceholderText("Filter classes")
        self.filter_field.setAccessibleName("Show only classes whose name contains this")
        self.filter_field.setClearButtonEnabled(True)
        self.filter_field.textChanged.connect(self.list_view.set_filter)
        self.used_first = icon_button(
            "photo", "List the classes in this picture first", theme, 16, checkable=True
        )
        self.used_first.toggled.connect(self._apply_order)
        self._in_picture: frozenset[int] = frozenset()
        self._filter_row = QWidget()
        self._filter_row.setLayout(
            row(self.filter_field, self.used_first, spacing=4, margins=(MARGIN, 0, MARGIN, 0))
        )
        self._pages = QStackedWidget()
        self._pages.addWidget(self.list_view)
        self._presets = self._empty_page()
        self._pages.addWidget(self._presets)
        self._pages.addWidget(QWidget())
        self.setLayout(
            column(
                self._header(),
                self._filter_row,
                self._pages,
                column(self.name_field, self._error, margins=(MARGIN, 4, MARGIN, 12), spacing=4),
                margins=(0, GRID, 0, 0),
                spacing=4,
            )
        )
        self.set_classes(ClassList())

    def set_classes(self, classes: ClassList) -> None:
        self.list_view.set_classes(classes)
        self._pages.setCurrentIndex(0 if len(classes) else 1)
        has_filter = len(classes) >= MIN_FILTERED_CLASSES
        self._filter_row.setVisible(has_filter)
        if not has_filter:
            self.filter_field.clear()
        self._apply_order()
        for part in self._column_titles:
            part.setVisible(len(classes) > 0)

    def set_read_only(self, is_read_only: bool) -> None:
        """Whether no class can be added or changed."""
        self.list_view.set_read_only(is_read_only)
        self._presets.setDisabled(is_read_only)

    def set_in_picture(self, values: frozenset[int]) -> None:
        """The classes of which the label of the picture on screen has pixels."""
        self._in_picture = values
        self._apply_order()

    def _apply_order(self) -> None:
        is_sorted = (
            self.used_first.isChecked() and len(self.list_view.class_model.classes) >= MIN_FILTERED_CLASSES
        )
        self.list_view.set_first(self._in_picture if is_sorted else frozenset())

    def show_loading(self) -> None:
        """Show neither list nor presets while a project is being opened."""
        self._pages.setCurrentIndex(2)
        for part in self._column_titles:
            part.hide()

    def set_active(self, value: int) -> None:
        """Select the active class: 0 unlabelled, 1..254 a class, 255 void."""
        self.list_view.set_active(value)

    def set_scores(self, scores: dict[int, float]) -> None:
        """Newest IoU (0..1) by class value; missing ones are shown as a dash."""
        self.list_view.set_scores(scores)

    def set_shares(self, shares: dict[int, float]) -> None:
        """Share (0..1) of the labelled pixels by class value."""
        self.list_view.set_shares(shares)

    def show_error(self, text: str) -> None:
        """Show below the field why something was not possible; an empty text hides it."""
        if text == self._error.text():
            return
        self._error.setText(text)
        self._error.setVisible(bool(text))
        self.name_field.setProperty("state", "bad" if text else "")
        self.name_field.style().unpolish(self.name_field)
        self.name_field.style().polish(self.name_field)

    def focus_name_field(self) -> None:
        self.name_field.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _add(self) -> None:
        names = [" ".join(part.split()) for part in self.name_field.text().replace(";", ",").split(",")]
        names = list(dict.fromkeys(name for name in names if name))
        if not names:
            self.show_error("Type at least one name; separate several by commas.")
            return
        self.show_error("")
        self.classes_added.emit(names)
        if not self._error.text():  # refused names stay, so that they can be corrected
            self.name_field.clear()

    def _header(self) -> QWidget:
        header = QWidget()
        for part, width in zip(self._column_titles, (SHARE_WIDTH, SCORE_WIDTH), strict=True):
            part.setFixedWidth(width)
            part.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        header.setLayout(
            row(
                text_label("Classes", "heading"),
                None,
                *self._column_titles,
                spacing=0,
                margins=(MARGIN, 0, ROW_MARGIN, 0),
            )
        )
        return header

    def _empty_page(self) -> QWidget:
        page = QWidget()
        layout = column(
            text_label("Add the classes you want to find.", wrap=True),
            text_label("Type them below, or start with one of these:", "muted", wrap=True),
            4,
            margins=(MARGIN, 4, MARGIN, 4),
        )
        for title, names in CLASS_PRESETS:
            card = ClassPresetButton(self._theme, title, names)
            card.clicked.connect(lambda _checked=False, names=names: self.classes_added.emit(list(names)))
            layout.addWidget(card)
        layout.addStretch(1)
        page.setLayout(layout)
        return page
