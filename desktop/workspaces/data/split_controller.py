"""The split dialog of one session: a plan for every change, and the split that was shown."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from core.base.errors import MaskloopError, UserError
from core.base.text import count_of
from core.project.records import Split
from core.project.splits.split_plan import ALL_SPLITS, SplitGrouping, SplitPlan, classes_in_one_split
from core.session.session import Session
from desktop.dispatcher import MainThreadDispatcher
from desktop.theme.theme import Theme
from desktop.workspaces.data.split_dialog import SplitDialog, SplitPlanRow

UNIT_NAMES = {
    SplitGrouping.FOLDER: "folders",
    SplitGrouping.GROUP: "sequences",
    SplitGrouping.TAG: "groups by tag",
}


class SplitController(QObject):
    """Lives on the GUI thread; planning is done on a lane. `message` carries a sentence for people."""

    message = Signal(str)

    def __init__(self, session: Session, bridge: MainThreadDispatcher, theme: Theme, window: QWidget) -> None:
        super().__init__()
        self._session, self._bridge, self._theme, self._window = session, bridge, theme, window
        self._asked = 0
        self._plan: SplitPlan | None = None
        self.dialog: SplitDialog | None = None

    def show(self) -> None:
        """Open the dialog, with a plan for its first choices."""
        if self.dialog is not None and self.dialog.isVisible():
            self.dialog.raise_()
            return
        shown = SplitDialog(self._theme, self._window)
        shown.options_changed.connect(lambda _dialog: self.refresh_plan())
        shown.split_requested.connect(self._split)
        self.dialog = shown
        shown.show()
        self.refresh_plan()

    def refresh_plan(self) -> None:
        """Plan anew: a choice changed, or the pictures did."""
        if self.dialog is None or not self.dialog.isVisible():
            return
        self._plan = None
        self._asked += 1
        try:
            wish = self.dialog.options()
        except UserError as problem:
            self.dialog.set_plan(str(problem), ready=False, warning=True)
            return
        self._bridge.when_done(
            self._session.dataset.plan_split(wish),
            partial(self._planned, self._asked),
            partial(self._refused, self._asked),
        )

    def close(self) -> None:
        self._asked += 1
        if self.dialog is not None:
            self.dialog.close()

    def _planned(self, asked: int, plan: SplitPlan) -> None:
        if self.dialog is None or asked != self._asked:
            return
        self._plan = plan
        self.dialog.set_rows(self._rows(plan))
        count = len(plan.changes)
        if not count:
            words = (
                "Every picture has its split already, and keeps it." if plan.pictures else "No pictures yet."
            )
            self.dialog.set_plan(words, ready=False)
            return
        sentences = [
            f"{count_of(count, 'picture')} of {plan.pictures:,} will get a split; one undo takes all of it back."
        ]
        if plan.options.grouping in UNIT_NAMES:
            sentences.insert(0, f"{plan.units:,} {UNIT_NAMES[plan.options.grouping]}.")
        warnings = []
        if plan.moved:
            warnings.append(f"{count_of(plan.moved, 'picture')} will leave the split they have.")
        if plan.units < 3 and plan.options.grouping != SplitGrouping.SHARE:
            warnings.append("Too few groups to fill every split.")
        warnings += [
            f"{self._session.editing.classes.name_of(value)} will be in {split} only."
            for value, split in classes_in_one_split(plan.stats).items()
        ]
        self.dialog.set_plan(
            " ".join(sentences + warnings[:4]),
            warning=bool(warnings),
            title=f"Split {count_of(count, 'picture')}",
        )

    def _rows(self, plan: SplitPlan) -> list[SplitPlanRow]:
        parts = [plan.stats[split] for split in ALL_SPLITS]
        total = plan.pictures or 1

        def cells(texts: list[str]) -> tuple[str, str, str]:
            return texts[0], texts[1], texts[2]

        rows = [
            SplitPlanRow(
                "Pictures", cells([f"{p.pictures:,}  ({100 * p.pictures / total:.1f} %)" for p in parts])
            ),
            SplitPlanRow("Labelled", cells([f"{p.labelled:,}" for p in parts])),
        ]
        if any(p.labelled for p in parts):
            for each in self._session.editing.classes:
                shares = [
                    f"{100 * p.share(each.value):.1f} %" if p.pixels[each.value] else "–" for p in parts
                ]
                rows.append(SplitPlanRow((each.colour, each.name), cells(shares)))
        return rows

    def _refused(self, asked: int, problem: MaskloopError) -> None:
        if self.dialog is not None and asked == self._asked:
            self.dialog.set_plan(str(problem), ready=False, warning=True)

    def _split(self) -> None:
        plan, self._plan = self._plan, None
        if plan is None or self.dialog is None:
            return
        self.dialog.set_plan("Splitting…", ready=False)
        self._bridge.when_done(self._session.dataset.apply_split(plan), self._done, self._failed)

    def _done(self, count: int) -> None:
        if self.dialog is not None:
            self.dialog.close()
        self.message.emit(f"{count_of(count, 'picture')} have a new split. Undo takes it back in one step.")

    def _failed(self, problem: MaskloopError) -> None:
        if self.dialog is not None:
            self.dialog.set_plan(str(problem), ready=False, warning=True)
        self.message.emit(str(problem))


def split_title(split: Split | None) -> str:
    """A split as people read it; empty for none."""
    return {Split.TRAIN: "train", Split.VAL: "validation", Split.TEST: "test"}[split] if split else ""
