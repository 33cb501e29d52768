"""Callbacks of a real training: what they hear, the logs of each run, and that none of them stops it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import torch
from torch import nn

from core.labels.class_list import LabelClass
from core.models.network_builder import build_network
from core.models.spec import ModelSpec
from core.training.callbacks.callback import Callback, EvaluationRecord
from core.training.callbacks.callback_list import CallbackList, make_callbacks
from core.training.callbacks.callback_options import CallbackOptions
from core.training.data.training_set import TrainingSet
from core.training.events import CheckpointPublished, ModelEvaluated, TrainingEvent, TrainingNote
from core.training.loop import TrainingResult, train
from core.training.recipe import Recipe
from tests.core.training.small_training import CLASSES, RECIPE, SPEC, small_snapshot


def trained(
    folder: Path, callbacks: CallbackList, spec: ModelSpec = SPEC, recipe: Recipe = RECIPE
) -> TrainingResult:
    torch.manual_seed(1)
    with callbacks:
        return train(
            build_network(spec),
            spec,
            small_snapshot(folder / "snapshot", spec, recipe),
            recipe,
            run_folder=folder / "12",
            on_event=callbacks.on_event,
            callbacks=callbacks,
        )


def test_each_run_has_a_csv_log_and_json_lines(tmp_path: Path) -> None:
    heard: list[TrainingEvent] = []
    more = CallbackOptions(CLASSES, csv=tmp_path / "more.csv", json_lines=tmp_path / "more.jsonl")
    trained(tmp_path, make_callbacks(more, tmp_path / "12", SPEC, RECIPE, heard.append))
    [evaluated] = [event for event in heard if isinstance(event, ModelEvaluated)]
    with (tmp_path / "12" / "log.csv").open(newline="", encoding="utf-8") as file:
        [row] = csv.DictReader(file)
    assert (row["run"], row["step"], row["split"], row["published"]) == ("12", "2", "val", "True")
    assert float(row["miou"]) == evaluated.miou
    assert float(row["val_loss"]) == evaluated.loss
    assert float(row["dice"]) == evaluated.means["dice"]
    assert float(row["iou sky, blue"]) == evaluated.per_class[4]
    assert float(row["iou =disc"]) == evaluated.per_class[9]
    assert float(row["epoch"]) == 0.5  # the progress was told after the first step, of two pictures of four
    assert 0 < float(row["learning_rate"]) <= RECIPE.learning_rate
    [line] = (tmp_path / "12" / "log.jsonl").read_text("utf-8").splitlines()
    record = json.loads(line)
    assert record["scores"]["miou"] == evaluated.miou
    assert record["iou"] == {"sky, blue": evaluated.per_class[4], "=disc": evaluated.per_class[9]}
    assert (Path(record["folder"]) / "model.safetensors").is_file()
    assert (tmp_path / "more.csv").read_bytes() == (tmp_path / "12" / "log.csv").read_bytes()
    assert (tmp_path / "more.jsonl").read_bytes() == (tmp_path / "12" / "log.jsonl").read_bytes()


def test_a_csv_file_is_continued_unless_it_has_other_columns(tmp_path: Path) -> None:
    file = tmp_path / "all.csv"
    for place in ("a", "b"):
        options = CallbackOptions(CLASSES, csv=file)
        trained(tmp_path / place, make_callbacks(options, tmp_path / place / "12", SPEC, RECIPE, print))
    assert len(file.read_text("utf-8").splitlines()) == 3
    other = CallbackOptions((LabelClass(4, "water", (0, 0, 255), 0),), csv=file)
    heard: list[TrainingEvent] = []
    trained(tmp_path / "c", make_callbacks(other, tmp_path / "c" / "12", SPEC, RECIPE, heard.append))
    assert len(file.read_text("utf-8").splitlines()) == 3
    [note] = [event.message for event in heard if isinstance(event, TrainingNote)]
    assert "all.csv has columns for other classes" in note
    assert note.endswith("Training goes on.")
    assert (tmp_path / "c" / "12" / "log.csv").is_file()


def test_a_log_is_not_written_through_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "precious.txt"
    outside.write_text("mine")
    (tmp_path / "12").mkdir()
    (tmp_path / "12" / "log.csv").symlink_to(outside)
    heard: list[TrainingEvent] = []
    result = trained(tmp_path, make_callbacks(CallbackOptions(), tmp_path / "12", SPEC, RECIPE, heard.append))
    assert result.published
    assert outside.read_text() == "mine"
    assert any(isinstance(event, TrainingNote) and "log.csv" in event.message for event in heard)


class Recorder(Callback):
    title = "The recorder"

    def __init__(self, fails_in: str = "") -> None:
        self.called: list[str] = []
        self.weights: list[torch.Tensor] = []
        self._fails_in = fails_in

    def _note_call(self, name: str) -> None:
        self.called.append(name)
        if name == self._fails_in:
            raise ValueError("the disk is full\nmore")

    def on_start(self, network: nn.Module, pictures: TrainingSet, note: object) -> None:
        assert not network.training
        self._note_call("start")

    def on_event(self, event: TrainingEvent) -> None:
        self._note_call(type(event).__name__)

    def on_evaluated(self, network: nn.Module, record: EvaluationRecord) -> None:
        assert not network.training
        self.weights = [each.clone() for each in network.state_dict().values()]
        self._note_call("evaluated")

    def close(self) -> None:
        self._note_call("close")


@pytest.mark.parametrize("place", ["start", "TrainingProgress", "evaluated", "close"])
def test_a_callback_that_fails_is_left_out_and_training_goes_on(tmp_path: Path, place: str) -> None:
    heard: list[TrainingEvent] = []
    bad, good = Recorder(place), Recorder()
    result = trained(tmp_path, CallbackList([bad, good], heard.append))
    assert (result.step, result.published) == (2, True)
    assert bad.called[: bad.called.index(place) + 1] == good.called[: bad.called.index(place) + 1]
    assert set(bad.called[bad.called.index(place) + 1 :]) <= {"close"}
    assert good.called[-2:] == ["evaluated", "close"] or good.called[-1] == "close"
    notes = [event.message for event in heard if isinstance(event, TrainingNote)]
    assert notes == ["The recorder has ended: the disk is full. Training goes on."]


def test_callbacks_get_the_network_that_was_scored(tmp_path: Path) -> None:
    from core.models.checkpoint import load_checkpoint

    recorder, heard = Recorder(), []
    trained(tmp_path, CallbackList([recorder], heard.append))
    assert any(isinstance(event, CheckpointPublished) for event in heard)
    stored = load_checkpoint(tmp_path / "12").model.state_dict().values()
    assert all(torch.equal(a, b) for a, b in zip(recorder.weights, stored, strict=True))


def test_callbacks_are_closed_when_the_training_fails(tmp_path: Path) -> None:
    recorder = Recorder()
    with pytest.raises(KeyboardInterrupt), CallbackList([recorder]):
        raise KeyboardInterrupt
    assert recorder.called == ["close"]
