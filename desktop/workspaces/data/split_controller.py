"""Runs the split dialog: a plan after every change of an option, and applying the plan that is shown."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from core.base.errors import MaskloopError, UserError
from core.base.number_text import percent_text
from core.base.text import count_of
from core.project.records import Split
from core.project.splits.split_plan import ALL_SPLITS, SplitGrouping, SplitPlan, classes_in_one_split
from core.session.session import Session
from desktop.controller import Actions, Controller
from desktop.dispatcher import LatestRequest, MainThreadDispatcher
from desktop.theme.theme import Theme
from desktop.widgets.dialog_deletion import delete_dialog
from desktop.workspaces.data.split_dialog import SplitDialog, SplitPlanRow

MAX_WARNINGS = 4


class SplitController(Controller):
    """Planning is done on a lane."""

    def __init__(
        self, session: Session, dispatcher: MainThreadDispatcher, theme: Theme, window: QWidget
    ) -> None:
        super().__init__()
        self._session, self._dispatcher, self._theme, self._window = session, dispatcher, theme, window
        self._plan_request = LatestRequest(dispatcher)
        self._plan: SplitPlan | None = None
        self.dialog: SplitDialog | None = None

    def actions(self) -> Actions:
        return {"split_pictures": self.show}

    def show(self) -> None:
        """Open the dialog, with a plan for its first options."""
        if self.dialog is not None and self.dialog.isVisible():
            self.dialog.raise_()
            return
        delete_dialog(self.dialog)
        self.dialog = SplitDialog(self._theme, self._window)
        self.dialog.options_changed.connect(lambda _dialog: self.refresh_plan())
        self.dialog.split_requested.connect(self._apply)
        self.dialog.show()
        self.refresh_plan()

    def refresh_plan(self) -> None:
        """An option or the pictures have changed: plan again if the dialog is open."""
        if self.dialog is None or not self.dialog.isVisible():
            return
        self._plan = None
        try:
            options = self.dialog.options()
        except UserError as problem:
            self._plan_request.cancel()
            self._show_plan_error(problem)
            return
        self._plan_request.send(
            self._session.dataset.plan_split(options), self._show_plan, self._show_plan_error
        )

    def close(self) -> None:
        super().close()
        self._plan_request.cancel()
        if self.dialog is not None:
            self.dialog.close()

    def _show_plan(self, plan: SplitPlan) -> None:
        if self.dialog is None:
            return
        self._plan = plan
        self.dialog.set_rows(self._rows(plan))
        if not plan.changes:
            unchanged = "Every picture has a split already and keeps it."
            self.dialog.set_plan(unchanged if plan.pictures else "No pictures yet.", ready=False)
            return
        changed = count_of(len(plan.changes), "picture")
        sentences = [f"{changed} of {plan.pictures:,} will get a split; one undo reverts all of it."]
        if plan.options.grouping != SplitGrouping.SHARE:
            sentences.insert(0, f"{_group_count(plan)}.")
        warnings = self._warnings(plan)
        self.dialog.set_plan(" ".join(sentences + warnings), warning=bool(warnings), title=f"Split {changed}")

    def _warnings(self, plan: SplitPlan) -> list[str]:
        warnings = []
        if plan.moved:
            warnings.append(f"{count_of(plan.moved, 'picture')} will move to another split.")
        if plan.units < len(ALL_SPLITS) and plan.options.grouping != SplitGrouping.SHARE:
            warnings.append("Too few groups to fill every split.")
        warnings += [
            f"{self._session.editing.classes.name_of(value)} will be in {split_title(split)} only."
            for value, split in classes_in_one_split(plan.stats).items()
        ]
        return warnings[:MAX_WARNINGS]

    def _rows(self, plan: SplitPlan) -> list[SplitPlanRow]:
        splits = [plan.stats[split] for split in ALL_SPLITS]
        total = plan.pictures or 1

        def cells(texts: list[str]) -> tuple[str, str, str]:
            return texts[0], texts[1], texts[2]

        rows = [
            SplitPlanRow(
                "Pictures",
                cells([f"{s.pictures:,}  ({percent_text(s.pictures / total, 1)})" for s in splits]),
            ),
            SplitPlanRow("Labelled", cells([f"{s.labelled:,}" for s in splits])),
        ]
        if any(s.labelled for s in splits):
            for each in self._session.editing.classes:
                shares = [
                    percent_text(s.share(each.value), 1) if s.pixels[each.value] else "–" for s in splits
                ]
                rows.append(SplitPlanRow((each.colour, each.name), cells(shares)))
        return rows

    def _show_plan_error(self, problem: MaskloopError) -> None:
        if self.dialog is not None:
            self.dialog.set_plan(str(problem), ready=False, warning=True)

    def _apply(self) -> None:
        plan, self._plan = self._plan, None
        if plan is None or self.dialog is None:
            return
        self.dialog.set_plan("Splitting…", ready=False)
        self._dispatcher.when_done(
            self._session.dataset.apply_split(plan), self._on_applied, self._show_error
        )

    def _on_applied(self, count: int) -> None:
        if self.dialog is not None:
            self.dialog.close()
        self.message.emit(f"Assigned a split to {count_of(count, 'picture')}. Undo reverts it in one step.")

    def _show_error(self, problem: MaskloopError) -> None:
        self._show_plan_error(problem)
        self.message.emit(str(problem))


def _group_count(plan: SplitPlan) -> str:
    """How many groups of pictures the plan keeps together: "12 folders"."""
    match plan.options.grouping:
        case SplitGrouping.FOLDER:
            return count_of(plan.units, "folder")
        case SplitGrouping.GROUP:
            return count_of(plan.units, "sequence")
        case SplitGrouping.TAG:
            return count_of(plan.units, "group by tag", "groups by tag")
        case _:
            return count_of(plan.units, "picture")


def split_title(split: Split | None) -> str:
    """The name of a split for people; empty for none."""
    return {Split.TRAIN: "train", Split.VAL: "validation", Split.TEST: "test"}[split] if split else ""
