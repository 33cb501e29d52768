"""Choosing the run whose weights predict, and the way back to the one before."""

from __future__ import annotations

from core.project.records import RunRecord
from core.session.session import Session
from desktop.controller import Controller
from desktop.workspaces.train.page import TrainPage


class RunSwitch(Controller):
    """After a switch a bar offers to undo it until it is declined or the project closes."""

    def __init__(self, session: Session, page: TrainPage) -> None:
        super().__init__()
        self._session, self._bar = session, page.run_switch
        self._in_use: int | None = None
        self._before: int | None = None
        self.connections.connect(page.use_requested, self.use)
        self.connections.connect(self._bar.answered, self._on_answered)

    def set_in_use(self, run: RunRecord | None) -> None:
        """The run whose weights predict now."""
        self._in_use = run.id if run else None

    def use(self, run_id: int) -> None:
        """Let this run predict from now on."""
        self._before, self._in_use = self._in_use, run_id
        self._session.training.use(run_id)
        if self._before is None:
            self._bar.set_offer("")
        else:
            text = f"Run {run_id} predicts from now on; every picture is predicted again. Labels stay as they are."
            self._bar.set_offer(text, f"Back to run {self._before}")

    def close(self) -> None:
        super().close()
        self._bar.set_offer("")

    def _on_answered(self, back: bool) -> None:
        if back and self._before is not None:
            self.use(self._before)
        else:
            self._bar.set_offer("")
