"""Card of the Data page: checks the project file and its pictures, and repairs what is found, one by one or all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QProgressBar, QPushButton, QVBoxLayout, QWidget

from core.base.text import count_of
from core.project.integrity.findings import IntegrityFinding
from core.session.project_file import Repair
from desktop.theme.theme import GRID
from desktop.widgets.cards import Card
from desktop.widgets.controls import button, column, hairline, row, set_role, text_label

MAX_FINDINGS = 40
"""Findings that are listed; a damaged file may have thousands."""
INTRODUCTION = (
    "Looks for damage in the project file, in labels and in the journal, and for pictures that are missing, were moved "
    "or have changed. A repair makes a backup first."
)


class TaskProgress(QWidget):
    """A progress bar with a text, and a button that cancels; hidden while nothing is under way."""

    cancel_requested = Signal()

    def __init__(self, name: str) -> None:
        super().__init__()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(name)
        self.text = text_label("", "muted")
        self.cancel = button("Cancel", "quiet")
        self.cancel.clicked.connect(self.cancel_requested)
        line = row(column(self.text, self.bar, spacing=4), self.cancel)
        line.setStretch(0, 1)
        self.setLayout(line)
        self.hide()

    def start(self, text: str, *, can_cancel: bool = True) -> None:
        self.text.setText(f"{text}…")
        self.bar.setRange(0, 0)
        self.cancel.setVisible(can_cancel)
        self.show()

    def set_done(self, done: int, of: int) -> None:
        self.bar.setRange(0, max(1, of))
        self.bar.setValue(done)


class FindingRow(QWidget):
    """A sentence, and a button that repairs what it says; after that, what was done."""

    def __init__(self, finding: IntegrityFinding) -> None:
        super().__init__()
        self.finding = finding
        self.sentence = text_label(finding.sentence, wrap=True)
        self.repair = button("Repair")
        self.repair.setAccessibleName(f"Repair: {finding.sentence}")
        self.repair.setVisible(finding.repairable)
        line = row(self.sentence, self.repair, margins=(0, 4, 0, 4))
        line.setStretch(0, 1)
        self.setLayout(line)

    def show_outcome(self, outcome: Repair) -> None:
        self.sentence.setText(outcome.sentence)
        set_role(self.sentence, "good" if outcome.is_done else "warning")
        self.repair.setVisible(not outcome.is_done)


class IntegrityCard(Card):
    """`repair_requested` carries the findings to repair."""

    check_requested = Signal()
    repair_requested = Signal(object)

    def __init__(self) -> None:
        self.check = button("Check project")
        self.repair_all = button("Repair all")
        super().__init__("Project file", self.repair_all, self.check)
        self.rows: list[FindingRow] = []
        self.summary = text_label("", "muted", wrap=True)
        self.progress = TaskProgress("Progress of the check")
        self._list = QVBoxLayout()
        self._list.setSpacing(0)
        self.add(self.summary, self.progress, self._list)
        self.check.clicked.connect(self.check_requested)
        self.repair_all.clicked.connect(lambda: self.repair_requested.emit(self._repairable()))
        self.set_findings((), {}, INTRODUCTION)

    def set_findings(
        self,
        findings: Sequence[IntegrityFinding],
        outcomes: Mapping[IntegrityFinding, Repair],
        text: str,
        role: str = "muted",
    ) -> None:
        """List findings below one sentence; `outcomes`: what became of those that were repaired."""
        self.summary.setText(text)
        set_role(self.summary, role)
        while (item := self._list.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        self.rows = []
        for finding in findings[:MAX_FINDINGS]:
            line = FindingRow(finding)
            if finding in outcomes:
                line.show_outcome(outcomes[finding])
            line.repair.clicked.connect(lambda _on=False, f=finding: self.repair_requested.emit([f]))
            self._list.addWidget(hairline())
            self._list.addWidget(line)
            self.rows.append(line)
        rest = len(findings) - MAX_FINDINGS
        if rest > 0:
            more = text_label(f"{count_of(rest, 'more finding')}, which “Repair all” includes.", "muted")
            more.setContentsMargins(0, GRID, 0, 0)
            self._list.addWidget(more)
        self._findings = [f for f in findings if f not in outcomes or not outcomes[f].is_done]
        self.repair_all.setVisible(len(self._repairable()) > 1)

    def set_enabled(self, enabled: bool, reason: str = "") -> None:
        """Whether something can be started now; `reason` why nothing can be repaired."""
        buttons: list[QPushButton] = [self.repair_all, *(line.repair for line in self.rows)]
        for each in buttons:
            each.setEnabled(enabled and not reason)
            each.setToolTip(reason)
        self.check.setEnabled(enabled)

    def _repairable(self) -> list[IntegrityFinding]:
        return [finding for finding in self._findings if finding.repairable]
