"""Runs the two dialogs of the Train workspace: the form of the next run, and the export of a trained network."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from core.base.errors import MaskloopError
from core.base.settings import Settings
from core.base.text import count_of
from core.evaluation.run_summary import RunSummary
from core.models.catalogue import architecture_title
from core.models.export_job import ExportedModel
from core.models.spec import (
    InputSize,
    ModelSpec,
    default_spec,
    longer_side,
    parse_input_size,
    size_text,
)
from core.project.records import RunRecord
from core.session.session import Session
from core.session.training.next_run import FACT, NextRun, spec_of
from core.training.device_probe import likely_device
from core.training.recipe import Recipe, default_recipe, format_recipe_changes
from desktop.controller import Actions, Controller
from desktop.dispatcher import MainThreadDispatcher
from desktop.theme.theme import Theme
from desktop.widgets.dialog_deletion import delete_dialog
from desktop.workspaces.train.dialogs.callback_panel import CallbackPanel
from desktop.workspaces.train.dialogs.model_export_dialog import ModelExportDialog
from desktop.workspaces.train.dialogs.network_page import UNCHANGED
from desktop.workspaces.train.dialogs.recipe_form import EXCLUDED
from desktop.workspaces.train.dialogs.run_form import RunForm, StartingPoint
from desktop.workspaces.train.network_offer import NetworkOffer
from desktop.workspaces.train.page import TrainPage
from desktop.workspaces.train.runs.run_titles import left_out_text, network_title
from desktop.workspaces.train.size_offer import SizeOffer


class RunSetup(Controller):
    """The work is done on the session's lanes and in processes of its own."""

    def __init__(
        self,
        session: Session,
        dispatcher: MainThreadDispatcher,
        page: TrainPage,
        settings: Settings,
        theme: Theme,
    ) -> None:
        super().__init__()
        self._session, self._dispatcher, self._page, self._theme = session, dispatcher, page, theme
        self._settings = settings
        self._next_run = NextRun()
        self._all_runs: list[RunSummary] = []
        self.connections.connect(page.next_run_requested, self.show_form)
        self.connections.connect(page.repeat_requested, self.repeat)
        self.connections.connect(page.export_requested, self.show_export)
        self.form: RunForm | None = None
        self.export_dialog: ModelExportDialog | None = None
        self._in_use: RunRecord | None = None
        self.offer = NetworkOffer(session, dispatcher, page, self._choose_default)
        self.size_offer = SizeOffer(session, dispatcher, page, self._choose_size)
        dispatcher.when_done(session.fact(FACT), lambda text: self._set_next_run(NextRun.from_json(text)))

    def actions(self) -> Actions:
        return {"export_model": self.show_export, "choose_network": self.show_form}

    def set_runs(self, runs: list[RunSummary], in_use: RunRecord | None) -> None:
        """runs: all of them, newest first; in_use: the one whose weights predict."""
        self._all_runs = runs
        self._in_use = in_use
        self._page.set_can_export(any(run.has_weights for run in runs))
        self._show_next_run()

    def close(self) -> None:
        super().close()
        self.offer.close()
        self.size_offer.close()
        for dialog in (self.form, self.export_dialog):
            delete_dialog(dialog)
        self._page.set_can_export(False)
        self._page.set_next_run("")

    # The next run -------------------------------------------------------------------------------

    def show_form(self) -> None:
        """Open the form with what was chosen last."""
        if self.form is not None and self.form.isVisible():
            self.form.raise_()
            return
        run = self._next_run
        network = {
            "architecture": run.architecture or UNCHANGED,
            "encoder": run.encoder or "",
            "weights": run.weights,
            "size": size_text(run.size) if run.size else UNCHANGED,
        }
        size = longer_side(run.size or self._unchosen_network().size)
        self._open_form(network, run.choices, self._defaults(size))

    def repeat(self, run_id: int) -> None:
        """Open the form with network and recipe of a run, in place of a form that is open."""
        for run in (summary.record for summary in self._all_runs):
            if run.id == run_id:
                point = self._point_of(run)
                if point is None:
                    problem = (
                        f"Network or recipe of run {run_id} cannot be read. Choose them with “Next run…”."
                    )
                    self._dispatcher.failed.emit(MaskloopError(problem))
                else:
                    self._open_form(point[0].network, point[0].choices, point[1])

    def _point_of(self, run: RunRecord) -> tuple[StartingPoint, dict[bool, Recipe]] | None:
        """Network and recipe of a run, and the recipes that it is a change of; None when they cannot be read."""
        try:
            size = longer_side(spec_of(run).size)
        except MaskloopError:
            return None
        defaults = self._defaults(size)
        point = _starting_point(run, defaults)
        return None if point is None else (point, defaults)

    def _defaults(self, size: int) -> dict[bool, Recipe]:
        """The recipe of a run for which nothing is chosen, by whether its network is pretrained."""
        return {each: self._default_recipe(size, pretrained=each) for each in (False, True)}

    def _open_form(
        self, values: Mapping[str, str], choices: Mapping[str, str], defaults: Mapping[bool, Recipe]
    ) -> None:
        run = self._next_run
        records = [summary.record for summary in self._all_runs]
        published = [_starting_point(each, defaults) for each in records if each.published]
        earlier = [point for point in published if point is not None]
        network = self._unchosen_network()
        delete_dialog(self.form)
        form = RunForm(
            self._theme,
            values,
            choices,
            defaults,
            CallbackPanel(
                self._session.home / "models",
                self._settings.get("after_evaluation"),
                tensorboard=run.tensorboard,
            ),
            pretrained=network.is_pretrained,
            size=network.chosen_size,
            runs=earlier,
            parent=self._page.window(),
        )
        form.values_accepted.connect(self._on_form_accepted)
        form.preview_requested.connect(self._load_preview)
        form.finished.connect(self._session.augmentation_previewer.stop)
        self.form = form
        form.show()

    def _unchosen_network(self) -> ModelSpec:
        """The network of the next run if none is chosen: the one in use, or the default."""
        if self._in_use is not None:
            with contextlib.suppress(MaskloopError):
                return spec_of(self._in_use)
        return default_spec(likely_device(self._settings.get("device")), (1,))

    def _default_recipe(self, size: int, *, pretrained: bool) -> Recipe:
        """The recipe of a run for which nothing is chosen: device and duration come from the settings."""
        device = self._settings.get("device")
        recipe = default_recipe(likely_device(device), pretrained=pretrained, size=size)
        return replace(recipe, minutes=self._settings.get("round_minutes"), device=device)

    def _load_preview(self, recipe: Recipe, size: InputSize, seed: int) -> None:
        form = self.form
        assert form is not None
        self._dispatcher.when_done(
            self._session.augmentation_previewer.request(recipe, size, seed),
            lambda pictures: form.preview.set_pictures(pictures) if form is self.form else None,
            lambda problem: form.preview.set_error(str(problem)) if form is self.form else None,
        )

    def _on_form_accepted(self, network: dict[str, str], choices: dict[str, str], tensorboard: bool) -> None:
        run = NextRun(
            network["architecture"] or None,
            network["encoder"] or None,
            network["weights"] or "none",
            parse_input_size(network["size"]) if network["size"] else None,
            choices,
            tensorboard,
        )
        self._session.set_fact(FACT, run.to_json())
        self._set_next_run(run)

    def _choose_default(self) -> None:
        """Use the default network for the next run; the options of the recipe stay as chosen."""
        spec = default_spec(likely_device(self._settings.get("device")), (1,))
        run = replace(
            self._next_run,
            architecture=spec.architecture,
            encoder=spec.encoder,
            weights=spec.weights,
            size=spec.size,
        )
        self._session.set_fact(FACT, run.to_json())
        self._set_next_run(run)

    def _choose_size(self, size: int) -> None:
        """Use this input for the next run; everything else stays as chosen."""
        run = replace(self._next_run, size=size)
        self._session.set_fact(FACT, run.to_json())
        self._set_next_run(run)

    def _set_next_run(self, run: NextRun) -> None:
        self._next_run = run
        self._show_next_run()

    def _show_next_run(self) -> None:
        """Describe the next run in one line of the page."""
        run = self._next_run
        in_use = self._in_use
        self.offer.update(in_use, network_is_chosen=run.architecture is not None)
        self.size_offer.update(longer_side(run.size) if run.size else None)
        if run.architecture is not None:
            parts = [architecture_title(run.architecture, run.encoder)]
        else:
            parts = [network_title(in_use) if in_use else "the default network"]
        if run.weights == "imagenet":
            parts.append("ImageNet weights")
        if run.size:
            parts.append(f"{size_text(run.size)} pixels")
        if run.choices:
            parts.append(count_of(len(run.choices), "changed option"))
        if run.tensorboard:
            parts.append("TensorBoard")
        self._page.set_next_run(f"Next run: {', '.join(parts)}")

    # Export of a trained network ----------------------------------------------------------------

    def show_export(self) -> None:
        """Open the dialog with the run in use selected; without trained weights only a message says so."""
        exportable = [run.record for run in self._all_runs if run.has_weights]
        if not exportable:
            why = left_out_text(self._all_runs) or "There are no trained weights yet. Train first."
            self._dispatcher.failed.emit(MaskloopError(why))
            return
        if self.export_dialog is not None and self.export_dialog.isVisible():
            self.export_dialog.raise_()
            return
        file = self._session.folder.parent / f"{self._session.name}-model.onnx"
        in_use_first = sorted(exportable, key=lambda run: run != self._in_use)
        titles = [(run.id, _run_title(run)) for run in in_use_first]
        delete_dialog(self.export_dialog)
        dialog = ModelExportDialog(
            self._theme, titles, str(file), left_out_text(self._all_runs), self._page.window()
        )
        dialog.export_requested.connect(self._export_model)
        dialog.cancel_requested.connect(self._session.model_exporter.cancel)
        self.export_dialog = dialog
        dialog.show()

    def _export_model(self, file: str, run: int) -> None:
        dialog = self.export_dialog
        assert dialog is not None

        def show_progress(step: str, done: int, of: int) -> None:
            self._dispatcher.post(
                lambda: self._if_running(dialog, lambda: dialog.set_progress(step, done, of))
            )

        self._dispatcher.when_done(
            self._session.model_exporter.export(Path(file), run, show_progress),
            lambda model: self._on_exported(dialog, model),
            lambda problem: self._if_running(dialog, lambda: dialog.set_finished(str(problem), failed=True)),
        )

    def _on_exported(self, dialog: ModelExportDialog, model: ExportedModel) -> None:
        self._if_running(dialog, lambda: dialog.set_finished(model.message))

    def _if_running(self, dialog: ModelExportDialog, act: Callable[[], None]) -> None:
        """Call `act` unless the dialog was closed, replaced or cancelled while the export ran."""
        if dialog is self.export_dialog and dialog.isVisible() and dialog.is_running:
            act()


def _starting_point(run: RunRecord, defaults: Mapping[bool, Recipe]) -> StartingPoint | None:
    """Network and recipe of an earlier run, to repeat it; None when they cannot be read."""
    try:
        spec = ModelSpec.from_json(json.loads(run.model))
        default = defaults[spec.is_pretrained]
        changes = format_recipe_changes(Recipe.from_json(json.loads(run.recipe)), default)
    except (MaskloopError, ValueError, TypeError, AttributeError):
        return None
    return StartingPoint(
        _run_title(run),
        {name: text for name, text in changes.items() if name not in EXCLUDED},
        {
            "architecture": spec.architecture,
            "encoder": spec.encoder or "",
            "weights": spec.weights,
            "size": size_text(spec.chosen_size),
        },
    )


def _run_title(run: RunRecord) -> str:
    if run.best_miou is None:
        return f"Run {run.id}: {network_title(run)}"
    return f"Run {run.id}: {network_title(run)}, mIoU {run.best_miou:.3f}"
