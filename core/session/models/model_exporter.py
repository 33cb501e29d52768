"""Export of a trained network to a file, in a process of its own. Does not import torch."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

from core.base.destination import check_output_file
from core.base.errors import ImageError, ModelError, UserError
from core.base.job_lane import JobLane
from core.evaluation.run_choice import find_run
from core.models.export_job import (
    MAX_COMPARED_PICTURES,
    ExportedClass,
    ExportedModel,
    ExportFailed,
    ExportMessage,
    ExportReady,
    ExportStep,
    ModelExportJob,
)
from core.project.project import Project, run_class_mapping
from core.project.records import PictureRecord, Split
from core.training.exit_reason import is_out_of_memory

MODULE = "core.models.export_worker"

ExportProgressCallback = Callable[[str, int, int], None]
"""Called with what is being done, and how many of how many steps are done."""


def make_export_job(project: Project, out: Path, run_id: str | int | None = None) -> ModelExportJob:
    """The job for a run as `find_run` finds it. Raises ModelError."""
    run = find_run(project, run_id)
    try:
        check_output_file(out.expanduser())
    except UserError as problem:
        raise ModelError(str(problem)) from problem
    records = [r for r in project.pictures.all() if r.problem is None]
    return ModelExportJob(
        project.run_folder(run.id),
        out.expanduser().absolute(),
        tuple(ExportedClass(c.value, c.name, c.colour) for c in project.classes.read()),
        tuple(int(value) for value in run_class_mapping(project, run.id)),
        tuple(_paths_to_compare(project, records)),
        tuple(sorted({(r.width, r.height) for r in records if r.width and r.height})),
    )


class ModelExporter:
    """Runs exports one after the other, each in a process of its own. May be called from any thread."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._jobs: JobLane[ExportedModel] = JobLane("model-export", MODULE, ExportMessage)

    def export(self, out: Path, run_id: int | None, report: ExportProgressCallback) -> Future[ExportedModel]:
        """Write `out`. `report` is called on the export lane. The future raises ModelError or Cancelled."""
        return self._jobs.submit(lambda cancel: self._export(out, run_id, report, cancel))

    def cancel(self) -> None:
        """End the export now; no partial file is left, and an older file of the same name stays."""
        self._jobs.cancel()

    def close(self) -> None:
        self._jobs.close()

    def _export(
        self, out: Path, run_id: int | None, report: ExportProgressCallback, cancel: threading.Event
    ) -> ExportedModel:
        with Project.open_read_only(self._home) as project:
            job = make_export_job(project, out, run_id)
        exported: list[ExportedModel] = []

        def on_message(message: ExportMessage) -> bool:
            match message:
                case ExportStep():
                    report(message.what, message.done, message.total)
                    return False
                case ExportReady():
                    exported.append(message.model)
                case ExportFailed():
                    raise ModelError(message.message)
            return True

        def clean_up(pid: int) -> None:
            job.out.with_name(f".{job.out.stem}.{pid}{job.out.suffix}").unlink(missing_ok=True)

        stderr = self._jobs.run(job, on_message, cancel, clean_up)
        if not exported:
            raise ModelError(_exit_message(stderr))
        return exported[0]


def _exit_message(stderr: str) -> str:
    if is_out_of_memory(stderr):
        return "The export ran out of memory. Close other programs and try again, or export as .safetensors."
    reason = f" ({stderr.splitlines()[-1][:200]})" if stderr else ""
    return f"The export ended unexpectedly{reason}. Export as .safetensors instead, or try again."


def _paths_to_compare(project: Project, records: list[PictureRecord]) -> Iterator[Path]:
    for record in _pictures_to_compare(records):
        with contextlib.suppress(ImageError):  # one that leads out of the folder is not compared
            yield project.picture_path(record.path)


def _pictures_to_compare(records: list[PictureRecord]) -> list[PictureRecord]:
    """A few pictures spread over the list: of val and test where there are any, because they were not trained on."""
    unseen = [r for r in records if r.split in (Split.VAL, Split.TEST)]
    chosen = unseen or records
    step = max(1, len(chosen) // MAX_COMPARED_PICTURES)
    return chosen[::step][:MAX_COMPARED_PICTURES]
