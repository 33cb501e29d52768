"""The train command with logs, TensorBoard and a command of one's own."""

from __future__ import annotations

import csv
import json
import os
import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from core.project.project import Project
from tests.command_line import error_of, json_of, run_command
from tests.core.cli.test_train_command import SMALL
from tests.factories import label_all, project_in


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("heard")
    with project_in(folder, count=4) as project:
        label_all(project, project.pictures.all())
    return folder


def test_a_training_writes_everything_that_is_asked_for(folder: Path, tmp_path: Path) -> None:
    program = tmp_path / "mine.py"
    program.write_text(
        "import json, pathlib\n"
        "def keep(record):\n"
        f"    with open({str(tmp_path / 'kept')!r}, 'a') as file: print(json.dumps(record), file=file)\n"
    )
    events, table, lines = tmp_path / "my events", tmp_path / "log.csv", tmp_path / "log.jsonl"
    said = json_of(
        "train", "--project", folder, *SMALL, "--steps", 2, "--batch", 2, "--schedule", "plateau",
        "--tensorboard", events, "--csv", table, "--log", lines, "--after-evaluation", f"{program}:keep",
    )  # fmt: skip
    run = said["run"]
    assert f"Look at it with: tensorboard --logdir '{events}'" in said["notes"]
    read = EventAccumulator(str(events / f"{folder.name}-{run}"))
    read.Reload()
    [score] = [point.value for point in read.Scalars("val/miou")]
    with table.open(newline="", encoding="utf-8") as file:
        [row] = csv.DictReader(file)
    record = json.loads(lines.read_text("utf-8"))
    assert score == pytest.approx(float(row["miou"])) == record["scores"]["miou"]
    assert (row["run"], row["step"]) == (str(run), "2")
    with Project.open_read_only(folder) as project:
        classes = [each.name for each in project.classes.read()]
        stored = [p.value for p in project.runs.measurements(run) if p.name == "miou"]
    assert [name.removeprefix("iou ") for name in row if name.startswith("iou ")] == classes
    assert stored == [record["scores"]["miou"]]
    assert json.loads((tmp_path / "kept").read_text()) == record
    assert (Path(said["folder"]) / "log.csv").read_bytes() == table.read_bytes()


def test_a_failing_command_is_said_and_the_run_is_finished(folder: Path) -> None:
    command = f'"{sys.executable}" -c "import sys; sys.exit(4)"'
    code, out, errors = run_command(
        "train",
        "--project",
        folder,
        *SMALL,
        "--steps",
        1,
        "--batch",
        2,
        "--after-evaluation",
        command,
        "--json",
    )
    assert (code, json.loads(out)["state"]) == (0, "finished")
    assert errors == "The command after each evaluation failed with exit code 4. Training goes on.\n"


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("--after-evaluation", 'say "hello'), "no closing quotation"),
        (("--csv", "{pipe}"), "is a pipe"),
        (("--log", "{folder}"), "is a folder"),
        (("--tensorboard", "{link}"), "is a link"),
        (("--tensorboard", "{file}"), "is a file"),
    ],
)
def test_what_cannot_work_is_refused_before_training(
    folder: Path, tmp_path: Path, option: tuple[str, str], words: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(folder)
    places = {name: tmp_path / name for name in ("pipe", "file", "link")} | {"folder": tmp_path}
    with Project.open_read_only(folder) as project:
        before = len(project.runs.all())
    value = option[1].format(**places)
    assert words in error_of("train", "--project", folder, *SMALL, "--steps", 1, option[0], value)
    with Project.open_read_only(folder) as project:
        assert len(project.runs.all()) == before
