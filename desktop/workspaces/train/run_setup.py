"""The next run and the export of a network: the two dialogs of the Train workspace, for one session."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject

from core.base.errors import MaskloopError
from core.base.settings import Settings
from core.models.catalogue import architecture
from core.models.export_job import ExportedModel
from core.models.spec import ModelSpec, default_spec
from core.project.records import RunRecord
from core.session.session import Session
from core.session.training.next_run import FACT, NextRun
from core.training.device_probe import likely_device
from core.training.recipe import Recipe, default_recipe, format_recipe_changes
from desktop.connections import ConnectionGroup
from desktop.dispatcher import MainThreadDispatcher
from desktop.theme.theme import Theme
from desktop.workspaces.train.dialogs.model_export_dialog import ModelExportDialog
from desktop.workspaces.train.dialogs.network_page import UNCHANGED
from desktop.workspaces.train.dialogs.recipe_form import EXCLUDED
from desktop.workspaces.train.dialogs.run_form import RunForm, StartingPoint
from desktop.workspaces.train.page import TrainPage


class RunSetup(QObject):
    """Lives on the GUI thread; what is slow is done on the session's lanes."""

    def __init__(
        self,
        session: Session,
        bridge: MainThreadDispatcher,
        page: TrainPage,
        settings: Settings,
        theme: Theme,
    ) -> None:
        super().__init__()
        self._session, self._bridge, self._page, self._theme = session, bridge, page, theme
        self._settings = settings
        self._next_run = NextRun()
        self._runs: list[RunRecord] = []
        self._wires = ConnectionGroup()
        self._wires.connect(page.next_run_requested, self.show_form)
        self._wires.connect(page.export_requested, self.show_export)
        self.form: RunForm | None = None
        self.export_dialog: ModelExportDialog | None = None
        bridge.when_done(session.fact(FACT), lambda text: self._set_next_run(NextRun.from_json(text)))

    def set_runs(self, runs: list[RunRecord]) -> None:
        """All runs, newest first."""
        self._runs = [run for run in runs if run.published]
        self._page.set_can_export(bool(self._runs))
        self._show_next_run()

    def close(self) -> None:
        """The session ends."""
        self._wires.disconnect_all()
        for dialog in (self.form, self.export_dialog):
            if dialog is not None:
                dialog.hide()
                dialog.deleteLater()
        self._page.set_can_export(False)
        self._page.set_next_run("")

    def show_form(self) -> None:
        """Open the form with what was chosen before."""
        if self.form is not None and self.form.isVisible():
            self.form.raise_()
            return
        wish, usual = self._next_run, self._default_recipe()
        runs = [found for run in self._runs if (found := _starting_point(run, usual)) is not None]
        sizes = [size for run in self._runs[:1] if (size := _size(run))]
        kind = likely_device(usual.device)
        shown = RunForm(
            self._theme,
            {
                "architecture": wish.architecture or UNCHANGED,
                "encoder": wish.encoder or "",
                "weights": wish.weights,
                "size": str(wish.size or UNCHANGED),
            },
            wish.choices,
            usual,
            size=sizes[0] if sizes else default_spec(kind, (1,)).size,
            runs=runs,
            parent=self._page.window(),
        )
        shown.values_accepted.connect(self._on_form_accepted)
        shown.preview_requested.connect(self._load_preview)
        shown.finished.connect(self._session.augmentation_previewer.stop)
        self.form = shown
        shown.show()

    def show_export(self) -> None:
        """Open the dialog for the newest run; without weights there is nothing to export."""
        if not self._runs:
            self._bridge.failed.emit(MaskloopError("There are no trained weights yet. Train first."))
            return
        if self.export_dialog is not None and self.export_dialog.isVisible():
            self.export_dialog.raise_()
            return
        file = self._session.folder.parent / f"{self._session.name}-model.onnx"
        titles = [(run.id, f"Run {run.id}: {network_title(run)}{_score(run)}") for run in self._runs]
        shown = ModelExportDialog(self._theme, titles, str(file), self._page.window())
        shown.export_requested.connect(self._export_model)
        shown.cancel_requested.connect(self._session.model_exporter.cancel)
        self.export_dialog = shown
        shown.show()

    def _default_recipe(self) -> Recipe:
        """How a training learns where nothing is chosen."""
        device = self._settings.get("device")
        recipe = default_recipe(likely_device(device))
        return replace(recipe, minutes=self._settings.get("round_minutes"), device=device)

    def _load_preview(self, recipe: Recipe, size: int, seed: int) -> None:
        shown = self.form
        assert shown is not None
        self._bridge.when_done(
            self._session.augmentation_previewer.request(recipe, size, seed),
            lambda found: shown.preview.set_pictures(found) if shown is self.form else None,
            lambda problem: shown.preview.set_error(str(problem)) if shown is self.form else None,
        )

    def _on_form_accepted(self, values: dict[str, str], choices: dict[str, str]) -> None:
        wish = NextRun(
            values["architecture"] or None,
            values["encoder"] or None,
            values["weights"] or "none",
            int(values["size"]) if values["size"] else None,
            choices,
        )
        self._session.set_fact(FACT, wish.to_json())
        self._set_next_run(wish)

    def _set_next_run(self, wish: NextRun) -> None:
        self._next_run = wish
        self._show_next_run()

    def _show_next_run(self) -> None:
        """One line that says what the next training will be."""
        wish = self._next_run
        if wish.architecture is not None:
            named = _architecture_title(wish.architecture, wish.encoder)
        else:
            named = network_title(self._runs[0]) if self._runs else "the usual network"
        size = f", {wish.size} pixels" if wish.size else ""
        weights = ", ImageNet weights" if wish.weights == "imagenet" else ""
        own = f", {_count_choices(wish.choices)}" if wish.choices else ""
        self._page.set_next_run(f"Next run: {named}{weights}{size}{own}")

    def _export_model(self, file: str, run: int) -> None:
        shown = self.export_dialog
        assert shown is not None

        def report(what: str, done: int, of: int) -> None:
            self._bridge.post(lambda: self._if_open(shown, lambda: shown.set_progress(what, done, of)))

        self._bridge.when_done(
            self._session.model_exporter.export(Path(file), run, report),
            lambda delivered: self._on_exported(shown, delivered),
            lambda problem: self._if_open(shown, lambda: shown.set_finished(str(problem), failed=True)),
        )

    def _on_exported(self, shown: ModelExportDialog, delivered: ExportedModel) -> None:
        self._if_open(shown, lambda: shown.set_finished(delivered.message))

    def _if_open(self, shown: ModelExportDialog, act: Callable[[], None]) -> None:
        """News of an export come late; the dialog may be gone, or stopped by its user."""
        if shown is self.export_dialog and shown.isVisible() and shown.is_running:
            act()


def _architecture_title(name: str, encoder: str | None) -> str:
    return architecture(name).title + (f" on {encoder}" if encoder else "")


def _count_choices(choices: Mapping[str, str]) -> str:
    return "one choice of your own" if len(choices) == 1 else f"{len(choices)} choices of your own"


def _starting_point(run: RunRecord, usual: Recipe) -> StartingPoint | None:
    """The choices of a run, to repeat it; None when they cannot be read."""
    try:
        spec = ModelSpec.from_json(json.loads(run.model))
        words = format_recipe_changes(Recipe.from_json(json.loads(run.recipe)), usual)
    except (MaskloopError, ValueError, TypeError, AttributeError):
        return None
    return StartingPoint(
        f"Run {run.id}: {network_title(run)}{_score(run)}",
        {name: text for name, text in words.items() if name not in EXCLUDED},
        {
            "architecture": spec.architecture,
            "encoder": spec.encoder or "",
            "weights": spec.weights,
            "size": str(spec.size),
        },
    )


def _size(run: RunRecord) -> int | None:
    try:
        return ModelSpec.from_json(json.loads(run.model)).size
    except (MaskloopError, ValueError, TypeError, AttributeError):
        return None


def network_title(run: RunRecord) -> str:
    """For people: “U-Net on resnet34”."""
    try:
        raw = json.loads(run.model)
        return _architecture_title(raw["architecture"], raw.get("encoder"))
    except (MaskloopError, ValueError, KeyError, TypeError):
        return "a network"


def _score(run: RunRecord) -> str:
    return "" if run.best_miou is None else f", mIoU {run.best_miou:.3f}"
