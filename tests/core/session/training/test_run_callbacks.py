"""What listens to a training of the window: logs, TensorBoard, the command of the settings; nothing from a project."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from core.project.project import Project
from core.session.session import Session
from core.session.training.next_run import FACT, NextRun, chosen_callbacks
from core.session.training.training_state import TrainingPreferences
from core.training.recipe import Recipe
from tests.factories import label_all, project_in

QUICK = {"steps": "2", "batch": "2", "threads": "1", "schedule": "plateau"}
PLANTED = {"after_evaluation": "touch planted", "command": "touch planted", "command_folder": "/"}


def wait_until(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 200
    while not holds():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.02)


def test_a_training_of_the_window_writes_event_files_and_runs_the_command_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    folder = tmp_path / "pictures"
    with project_in(folder, count=4) as project:
        label_all(project, project.pictures.all())
        chosen = NextRun("asymmetric-unet-small", size=(96, 64), choices=QUICK, tensorboard=True)
        project.set_fact(FACT, chosen.to_json())
    said = tmp_path / "said.py"
    said.write_text("import json, sys\nprint(1)\njson.dump(json.load(sys.stdin), open('said.json', 'w'))")
    preferences = TrainingPreferences(
        automatic=False, device="cpu", after_evaluation=f'"{sys.executable}" "{said}"'
    )
    session = Session.open(folder, None, lambda _: None, preferences=preferences)
    try:
        session.training.start()
        wait_until((home / "said.json").exists, "the command")
        wait_until(lambda: session.training.state.phase == "idle", "the end of the training")
        assert not session.training.state.failed, session.training.state.message
    finally:
        session.close()
    with Project.open_read_only(folder) as project:
        run = project.runs.latest_published()
        assert run is not None
        run_folder = project.run_folder(run.id)
        assert json.loads(run.model)["shape"] == [96, 64]
    found = EventAccumulator(str(run_folder))
    found.Reload()
    record = json.loads((run_folder / "log.jsonl").read_text("utf-8").splitlines()[-1])
    assert found.Scalars("val/miou")[-1].value == pytest.approx(record["scores"]["miou"])
    assert set(record["iou"]) == {"grass", "roof"}
    wait_until(lambda: bool((home / "said.json").read_text()), "what the command wrote")
    assert json.loads((home / "said.json").read_text())["run"] == str(run.id)


def test_no_project_can_name_a_command(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        for planted in (PLANTED, {**PLANTED, "callbacks": PLANTED, "choices": {}}):
            project.set_fact(FACT, json.dumps({**json.loads(NextRun().to_json()), **planted}))
            options = chosen_callbacks(project, project.run_folder(1), "")
            assert options.command == ""
            assert options.command_folder == Path.home()
            assert options.tensorboard is None
        # As an option of the recipe it is unknown: nothing of what was stored is used.
        project.set_fact(FACT, json.dumps({"choices": {"after_evaluation": "touch planted"}}))
        assert NextRun.from_json(project.fact(FACT)) == NextRun()
    recipe = Recipe.from_json({**Recipe().to_json(), **PLANTED})
    assert recipe == Recipe()
    assert not any("planted" in str(value) for value in recipe.to_json().values())


@pytest.mark.parametrize(
    ("stored", "size"),
    [
        ({"size": 256}, 256),
        ({"size": [256, 144]}, (256, 144)),
        ({"size": None}, None),
        ({}, None),
        ({"size": [256]}, None),
        ({"size": [256, 144, 3]}, None),
        ({"size": "wide"}, None),
        ({"size": [None, 3]}, None),
    ],
)
def test_the_stored_size_is_a_number_or_width_and_height(stored: dict[str, object], size: object) -> None:
    assert NextRun.from_json(json.dumps(stored)).size == size
    again = NextRun(size=size)  # type: ignore[arg-type]
    assert NextRun.from_json(again.to_json()) == again
