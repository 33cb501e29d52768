"""A trained network leaves the project as a file, while the window goes on. No torch here."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

from core.base.errors import Cancelled, ModelError
from core.base.lane import Lane
from core.models.export_job import MAX_COMPARED_PICTURES, ExportedClass, ExportedModel, ModelExportJob
from core.project.project import Project, run_class_mapping
from core.project.records import PictureRecord, RunRecord, Split
from core.training.exit_reason import OUT_OF_MEMORY_TEXT, is_out_of_memory
from core.training.process.worker_process import start_process

if TYPE_CHECKING:
    Process = subprocess.Popen[str]

ExportProgressCallback = Callable[[str, int, int], None]


def make_export_job(project: Project, out: Path, run_id: int | None = None) -> ModelExportJob:
    """What to deliver of a run, of the newest with weights by default. Raises ModelError."""
    run = _run(project, run_id)
    records = [r for r in project.pictures.all() if r.problem is None]
    now = run_class_mapping(project, run.id)
    return ModelExportJob(
        project.run_folder(run.id),
        out.expanduser().absolute(),
        tuple(ExportedClass(c.value, c.name, c.colour) for c in project.classes.read()),
        tuple(int(value) for value in now),
        tuple(project.picture_path(r.path) for r in _spread(records)),
        tuple(sorted({(r.width, r.height) for r in records if r.width and r.height})),
    )


class ModelExporter:
    """Runs the delivery in a process of its own, on a lane. May be called from any thread."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._lane = Lane("delivery")
        self._cancel = threading.Event()
        self._guard = threading.Lock()
        self._process: Process | None = None

    def export(self, out: Path, run_id: int | None, report: ExportProgressCallback) -> Future[ExportedModel]:
        """Write `out`. `report` is called on the delivery lane. The future raises ModelError or Cancelled."""
        self._cancel = cancel = threading.Event()  # one for each: the one before may still be winding up
        return self._lane.submit(self._deliver, out, run_id, report, cancel)

    def cancel(self) -> None:
        """End it now; nothing is left behind, and what was there under the name stays."""
        self._cancel.set()
        with self._guard:
            if self._process is not None:
                self._process.kill()

    def close(self) -> None:
        self.cancel()
        self._lane.shutdown(cancel_futures=True)

    def _deliver(
        self, out: Path, run_id: int | None, report: ExportProgressCallback, cancel: threading.Event
    ) -> ExportedModel:
        with Project.open_read_only(self._home) as project:
            job = make_export_job(project, out, run_id)
        with self._guard:
            if cancel.is_set():
                raise Cancelled
            self._process = _start()
        process = self._process
        last_words: list[str] = []
        # Read beside, so that a talkative library never waits for us.
        reader = threading.Thread(
            target=_keep_last, args=(process, last_words), name="delivery-log", daemon=True
        )
        reader.start()
        try:
            said = _converse(process, job, report)
        finally:
            process.wait()
            reader.join()
            with self._guard:
                self._process = None
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
            job.out.with_name(f".{job.out.stem}.{process.pid}{job.out.suffix}").unlink(missing_ok=True)
        if isinstance(said, ExportedModel):
            return said
        if cancel.is_set():
            raise Cancelled
        raise ModelError(said or _why("\n".join(last_words)))


def _start() -> Process:
    try:
        return start_process("core.models.export_worker")
    except OSError as problem:
        raise ModelError(
            f"The export cannot be started: {problem}. Close other programs and try again."
        ) from problem


def _converse(process: Process, job: ModelExportJob, report: ExportProgressCallback) -> ExportedModel | str:
    """The outcome, or the sentence of its failure, empty when it ended without a word."""
    assert process.stdin is not None and process.stdout is not None
    with contextlib.suppress(OSError, ValueError):
        process.stdin.write(job.to_line() + "\n")
        process.stdin.flush()
        for line in process.stdout:
            said = json.loads(line)
            if "delivered" in said:
                return ExportedModel.from_json(said["delivered"])
            if "failed" in said:
                return str(said["failed"])
            report(said["what"], said["done"], said["of"])
    return ""


def _keep_last(process: Process, words: list[str]) -> None:
    assert process.stderr is not None
    with contextlib.suppress(OSError, ValueError):
        for line in process.stderr:
            words.append(line.rstrip())
            del words[:-40]


def _why(last_words: str) -> str:
    if is_out_of_memory(last_words):
        return OUT_OF_MEMORY_TEXT.format("The export stopped: it")
    reason = last_words.rsplit("\n", 1)[-1][:200] or "it said nothing"
    return f"The export ended unexpectedly ({reason}). Export as .safetensors instead, or try again."


def _run(project: Project, run_id: int | None) -> RunRecord:
    try:
        run = project.runs.get(run_id) if run_id is not None else project.runs.latest_published()
    except KeyError as unknown:
        raise ModelError(f"There is no run {run_id}; “maskloop status” lists them.") from unknown
    if run is None or not run.published or not project.run_folder(run.id).is_dir():
        raise ModelError("There are no trained weights yet, so there is no network to export. Train first.")
    return run


def _spread(records: list[PictureRecord]) -> list[PictureRecord]:
    """A few pictures from all over the list, those that were not learned from first."""
    unseen = [r for r in records if r.split in (Split.VAL, Split.TEST)]
    chosen = unseen or records
    step = max(1, len(chosen) // MAX_COMPARED_PICTURES)
    return chosen[::step][:MAX_COMPARED_PICTURES]
