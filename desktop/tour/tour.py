"""The steps of the tour in order; each checks what a user would see."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton

from core.base.number_text import percent_text
from core.base.settings import Settings
from desktop.app import build
from desktop.shell.top_bar import WORKSPACE_ACTIONS as TABS
from desktop.tour.stall_meter import StallMeter
from desktop.tour.window_driver import CTRL, LEFT_BUTTON, NO_MODIFIER, SHIFT, StepError, WindowDriver

SIZE = (1440, 900)

RUN_MINUTES = 4.0
"""Longer than the tour needs: it stops the training itself."""
BETTER_SECONDS = 60.0
"""How long the tour waits for a checkpoint that is better than the first."""


@dataclass(frozen=True, slots=True)
class TourStep:
    """One line of tour.json."""

    name: str
    ok: bool
    seconds: float
    screenshot: str
    detail: str


def run_tour(out: Path, folder: Path | None = None) -> int:
    """Run all steps in a new window on a new sample project; writes screenshots and tour.json into `out`. Returns the
    exit code."""
    out.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="maskloop-tour-"))
    try:
        tour = Tour(out, folder or scratch / "sample", scratch)
        tour.run()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    result = tour.result()
    (out / "tour.json").write_text(json.dumps(result, indent=1), "utf-8")
    for step in tour.steps:
        sys.stdout.write(
            f"{'ok    ' if step.ok else 'FAILED'} {step.seconds:6.1f} s  {step.name}: {step.detail}\n"
        )
    return 0 if result["ok"] else 1


class Tour(WindowDriver):
    """Acts through widgets, keys and mouse only; core is only read."""

    def __init__(self, out: Path, folder: Path, scratch: Path) -> None:
        self._out, self._folder, self._scratch = out, folder, scratch
        self._settings = Settings(scratch / "settings.json")
        self._settings.set("theme", "light")
        self._settings.set("round_minutes", RUN_MINUTES)
        self._app = build(self._settings)
        super().__init__(self._app.window)
        self._meter = StallMeter()
        self._before = np.zeros((0, 0), np.uint8)
        self._exported_pairs = 0
        self._strokes = 0
        self._miou: list[float] = []
        self._current_miou: float | None = None  # mIoU of the weights in use at the end
        self._per_class: dict[str, float] = {}
        self.steps: list[TourStep] = []

    def run(self) -> None:
        """Run all steps; one that fails does not stop the others."""
        for name, act in (
            ("welcome", self._welcome),
            ("open", self._open),
            ("paint", self._paint),
            ("polygon", self._polygon),
            ("undo", self._undo),
            ("redo", self._redo),
            ("history", self._history),
            ("train", self._train),
            ("first checkpoint", self._first_checkpoint),
            ("better checkpoint", self._better_checkpoint),
            ("pause and continue", self._pause),
            ("accept region", self._accept_region),
            ("difference", self._difference),
            ("accept and next", self._accept_and_next),
            ("zoom", self._zoom),
            ("review", self._review),
            ("chart", self._chart),
            ("data", self._data),
            ("learn", self._learn),
            ("export", self._export),
            ("dark", self._dark),
            ("stop", self._stop),
            ("close", self._close),
            ("open again", self._open_again),
        ):
            start = time.perf_counter()
            errors = self._app.crash_reporter.count
            try:
                detail, ok = act(), True
                self.expect(self._app.crash_reporter.count == errors, f"see {self._app.crash_reporter.path}")
            except Exception as error:
                detail, ok = f"{error}", False
                if not isinstance(error, StepError):
                    detail = traceback.format_exc(limit=3)
            seconds = time.perf_counter() - start
            picture = f"{len(self.steps) + 1:02}-{name.replace(' ', '-')}.png"
            with self._meter.paused():
                self.save_screenshot(self._out / picture)
            self.steps.append(TourStep(name, ok, round(seconds, 2), picture, detail))
        self.window.close()
        self._meter.stop()

    def result(self) -> dict[str, object]:
        """The content of tour.json."""
        return {
            "ok": all(step.ok for step in self.steps),
            "steps": [asdict(step) for step in self.steps],
            "strokes_saved": self._strokes,
            "miou_start": self._miou[0] if self._miou else None,
            "miou_end": self._current_miou,
            "per_class_iou": self._per_class,
            "gui_stall_ms": self._meter.summary(),
            "exported_pairs": self._exported_pairs,
        }

    # Steps ---------------------------------------------------------------------------------------

    def _welcome(self) -> str:
        self.window.resize(*SIZE)
        self.window.sample_folder = self._folder
        self.window.show()
        self.wait(300)
        return "the window is shown"

    def _open(self) -> str:
        began = time.perf_counter()
        self.click(self.window.welcome_page.sample)
        self.wait_until(self.has_picture, "a picture")
        seconds = time.perf_counter() - began
        self._meter.start()
        self.wait_until(lambda: len(self.session.pictures) >= 60, "all pictures in the list")
        self.key(Qt.Key.Key_D, SHIFT)
        self.wait_until(lambda: self.has_picture() and not self.record.is_labelled, "a new picture")
        self.wait(800)
        return f"first picture after {seconds:.1f} s; {len(self.session.pictures)} pictures"

    def _paint(self) -> str:
        self.key(Qt.Key.Key_B)
        self.key(Qt.Key.Key_1)
        self.drag([(0.2, 0.75), (0.35, 0.7), (0.5, 0.72)])
        self.key(Qt.Key.Key_2)
        self.drag([(0.7, 0.3), (0.8, 0.35)])
        self.wait_until_saved(2)
        return f"{self.labelled_pixels:,} pixels painted"

    def _polygon(self) -> str:
        before = self.labelled_pixels
        self.key(Qt.Key.Key_P)
        self.key(Qt.Key.Key_3)
        corners = [(0.1, 0.1), (0.3, 0.12), (0.33, 0.3), (0.12, 0.34)]
        for corner in corners:
            QTest.mouseClick(self.canvas, LEFT_BUTTON, NO_MODIFIER, self.position_of(*corner))
            self.wait(60)
        with self._meter.paused():
            self.save_screenshot(self._out / "04-polygon-under-way.png")
        self.key(Qt.Key.Key_Return)
        self.wait_until_saved(3)
        gained = self.labelled_pixels - before
        self.expect(gained > 100, "the polygon filled nothing")
        self.key(Qt.Key.Key_B)
        return f"{gained:,} pixels filled"

    def _undo(self) -> str:
        before = self.label_values.copy()
        self.key(Qt.Key.Key_Z, CTRL)
        self.wait_until(lambda: self.labelled_pixels < int(np.count_nonzero(before)), "fewer pixels")
        self._before = before
        return "the polygon is removed"

    def _redo(self) -> str:
        self.key(Qt.Key.Key_Z, CTRL | SHIFT)
        self.wait_until(
            lambda: np.array_equal(self.label_values, self._before), "the same pixels as before undo"
        )
        return "the same pixels again"

    def _history(self) -> str:
        self.key(Qt.Key.Key_H, CTRL)
        panel = self.page.side_column.history
        entries = panel.list.history_model
        self.wait_until(lambda: len(entries.entries) >= 2, "two or more changes in the history")
        panel.list.setFocus()
        self.key(Qt.Key.Key_Down, on=panel.list)
        self.key(Qt.Key.Key_Down, on=panel.list)  # the label as it was before the newest change
        self.wait(400)
        with self._meter.paused():
            self.save_screenshot(self._out / "07-history-open.png")
        count = len(entries.entries)
        self.click(panel.close_button)
        self.expect(self.page.classes.isVisible(), "the classes did not come back")
        return f"{count} changes listed"

    def _train(self) -> str:
        if self.state.phase == "idle":
            self.click(self.page.training.train_button)
        self.wait_until(lambda: self.state.phase == "training" and self.state.step > 0, "training under way")
        self.wait(500)
        return f"on {self.state.device}, run {self.state.run_id}"

    def _first_checkpoint(self) -> str:
        self.wait_until(lambda: self.state.published > 0, "a published checkpoint")
        self.wait_until(
            lambda: self.labelling.picture.prediction is not None, "a prediction of the picture on screen"
        )
        self.wait(400)
        mask = self.labelling.picture.prediction
        assert mask is not None
        return (
            f"{self.state.seconds:.0f} s into training, mIoU {self.state.miou or 0:.2f}, "
            f"{len(np.unique(mask.values))} classes predicted"
        )

    def _better_checkpoint(self) -> str:
        published, old = self.state.published, self.labelling.picture.prediction
        assert old is not None
        if not self.comes_true(lambda: self.state.published > published, BETTER_SECONDS):
            # What the tour paints is wrong, and the fitted head is good: training may need longer to beat it.
            return f"none in {BETTER_SECONDS:.0f} s; the first one stays, mIoU {self.state.miou or 0:.2f}"

        def changed() -> bool:
            new = self.labelling.picture.prediction
            return new is not None and new is not old and not np.array_equal(new.values, old.values)

        self.wait_until(changed, "a changed prediction on screen")
        self.wait(400)
        new = self.labelling.picture.prediction
        assert new is not None
        share = float(np.mean(new.values != old.values))
        return f"{percent_text(share)} of the pixels changed; mIoU {self.state.miou or 0:.2f}"

    def _pause(self) -> str:
        self.click(self.page.training.pause_button)
        self.wait_until(lambda: self.state.phase == "paused", "a pause")
        step = self.state.step
        self.wait(1200)
        held = self.state.step - step
        self.click(self.page.training.resume_button)
        self.wait_until(lambda: self.state.phase == "training", "training again")
        self.expect(held <= 40, f"{held} steps were made during the pause")
        return f"held at step {step}"

    def _accept_region(self) -> str:
        before = self.labelled_pixels
        for spot in ((0.6, 0.6), (0.4, 0.45), (0.85, 0.8), (0.5, 0.1)):
            QTest.mouseMove(self.canvas, self.position_of(*spot))
            self.wait(120)
            self.key(Qt.Key.Key_Q)
            self.wait(200)
            if self.labelled_pixels > before:
                break
        gained = self.labelled_pixels - before
        self.expect(gained > 0, "no region was accepted")
        self.wait_until_saved(4)
        return f"{gained:,} pixels accepted"

    def _difference(self) -> str:
        for _ in range(3):  # from label and prediction to label, to prediction, to difference
            self.key(Qt.Key.Key_M)
        self.wait(150)
        self.expect(self.canvas.layers.difference_visible, "the difference is not shown")
        with self._meter.paused():
            self.save_screenshot(self._out / "13-difference-shown.png")
        self.key(Qt.Key.Key_M)
        return "shown and hidden again"

    def _accept_and_next(self) -> str:
        shown = self.labelling.picture.id
        assert shown is not None
        self.key(Qt.Key.Key_Return, CTRL)
        self.wait_until(lambda: self.labelling.picture.id != shown, "the next picture")
        record = self.session.pictures.get(shown)
        self.wait_until(lambda: self.session.pictures.get(shown).status == "done", "the mark")
        record = self.session.pictures.get(shown)
        self.expect(
            record.labelled_share > 0.99,
            f"only {percent_text(record.labelled_share)} of the picture is labelled",
        )
        self.wait(500)
        return f"{record.name} is done, {self.record.name} is shown"

    def _zoom(self) -> str:
        fitted = self.canvas.scale
        QTest.mouseMove(self.canvas, self.position_of(0.5, 0.5))
        for _ in range(6):
            self.key(Qt.Key.Key_Plus)
        self.wait(150)
        zoomed = self.canvas.scale
        self.expect(zoomed > fitted * 2, "the picture was not zoomed in")
        self.drag([(0.5, 0.45), (0.52, 0.55)])
        self.key(Qt.Key.Key_F)
        self.wait(100)
        self.expect(abs(self.canvas.scale - fitted) < 1e-6, "fit did not restore the scale")
        return f"{percent_text(fitted)} to {percent_text(zoomed)} and back"

    def _review(self) -> str:
        self._open_workspace("workspace_review")
        page = self.window.workspaces.review
        grid = page.grid
        self.wait_until(lambda: grid.next_missing() is None, "the visible cards")
        self.click(page.layer_buttons["prediction"])
        self.click(page.label_check.check)
        # A network trained this briefly may find no suspicious label: that is a valid result.
        self.wait_until(
            lambda: "compared" in page.label_check.summary.text(), "the result of the label check"
        )
        free = [
            r for r in grid.visible_rows() if not self.session.pictures.get(grid.picture_id_at(r)).is_labelled
        ]
        self.expect(len(free) >= 2, "fewer than two visible pictures without a label")
        for row, modifiers in ((free[0], NO_MODIFIER), (free[1], CTRL)):
            QTest.mouseClick(grid.viewport(), LEFT_BUTTON, modifiers, grid.rect_of(row).center())
        ids = sorted(grid.selection)
        self.click(page.accept)
        self.wait_until(page.undo.isVisible, "two accepted predictions")
        self.expect(all(self.session.pictures.get(i).is_labelled for i in ids), "they have no label")
        self.click(page.undo)
        self.wait_until(lambda: not any(self.session.pictures.get(i).is_labelled for i in ids), "both undone")
        self.wait_until(lambda: grid.next_missing() is None, "the cards as they are now")
        return f"{len(page.label_check.buttons)} findings of the label check; two predictions accepted and undone"

    def _chart(self) -> str:
        self._open_workspace("workspace_train")
        self.wait_until(self._has_scores, "two scores on the validation pictures")
        self.wait(900)
        return f"mIoU {', '.join(f'{score:.2f}' for score in self._miou)}"

    def _data(self) -> str:
        self._open_workspace("workspace_data")
        self.wait(700)
        return "counts are shown"

    def _learn(self) -> str:
        self._open_workspace("workspace_learn")
        self.wait(1500)
        return "the layer card, the lessons and the network"

    def _export(self) -> str:
        self._open_workspace("workspace_data")
        out = self.unused_path(self._out / "export")
        self.click(self.window.workspaces.data.export)
        self.wait_until(lambda: self.dialog is not None and self.dialog.isVisible(), "the export dialog")
        dialog = self.dialog
        assert dialog is not None
        dialog.folder.selectAll()
        QTest.keyClicks(dialog.folder, str(out))
        self.wait_until(dialog.export.isEnabled, "a dry run")
        with self._meter.paused():
            dialog.grab().save(str(self._out / "20-export-dialog.png"))
        self.click(dialog.export)
        self.wait_until((out / "classes.json").is_file, "the dataset on disk")
        images = {p.relative_to(out / "images").with_suffix("") for p in (out / "images").rglob("*.*")}
        masks = {p.relative_to(out / "masks").with_suffix("") for p in (out / "masks").rglob("*.png")}
        self._exported_pairs = len(images & masks)
        self.wait(300)
        self.key(Qt.Key.Key_Escape, on=dialog)
        self.expect(self._exported_pairs >= 12, f"only {self._exported_pairs} pairs were written")
        return f"{self._exported_pairs} pairs in {out.name}"

    def _dark(self) -> str:
        self._open_workspace("workspace_label")
        self.click(self.window.top_bar.theme_button)
        self.wait(400)
        return "the same in dark"

    def _stop(self) -> str:
        if self.state.phase == "idle":
            return "the run had already ended"
        began = time.perf_counter()
        self.click(self.page.training.stop_button)
        self.wait_until(lambda: self.state.phase == "idle", "the end of training")
        seconds = time.perf_counter() - began
        self._read_scores()
        self.expect(seconds < 3.0, f"stopping took {seconds:.1f} s")
        return f"stopped in {seconds:.1f} s, best mIoU {self.state.miou or 0:.2f}"

    def _close(self) -> str:
        self.click(self.page.filmstrip.previous_button)
        self.wait_until(lambda: self.record.status == "done", "the finished picture")
        self.wait(300)
        self._before = self.label_values.copy()
        self._read_scores()
        self._meter.stop()
        began = time.perf_counter()
        self.window.close()
        seconds = time.perf_counter() - began
        self.expect(self.window.context is None, "the project is still open")
        return f"closed in {seconds:.1f} s"

    def _open_again(self) -> str:
        self._app = build(self._settings)
        self.window = self._app.window
        self.window.show()
        self.wait(200)
        began = time.perf_counter()
        self.window.open_project(self._folder)
        self.wait_until(self.has_picture, "a picture")
        seconds = time.perf_counter() - began
        self.expect(
            np.array_equal(self.label_values, self._before), "the label is not the one that was painted"
        )
        self.wait_until(self.page.option_bar.undo.isEnabled, "undo across a restart")
        self.wait(700)
        return f"the same pixels after {seconds:.1f} s"

    # Helpers --------------------------------------------------------------------------------

    def _open_workspace(self, workspace: str) -> None:
        place = TABS.index(workspace)
        self.click(self.window.top_bar.workspaces.findChildren(QPushButton)[place])

    def _has_scores(self) -> bool:
        self._read_scores()
        return len(self._miou) >= 2

    def _read_scores(self) -> None:
        """The scores for tour.json, read from the project file as the charts do."""
        curves = self.session.charts.curves().result()
        names = self.session.editing.classes.name_of
        self._miou = [round(value, 4) for _, value in curves.miou]
        self._per_class = {names(value): round(iou, 4) for value, iou in curves.newest.items()}
        self._strokes = self.labelling.edit_queue.stored_count
        if self.state.miou is not None:  # a run that has just started has not published a checkpoint
            self._current_miou = self.state.miou
