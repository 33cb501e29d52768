"""Rows of the head that are fitted for a class which a trained network does not know yet."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.models.checkpoint import (
    load_checkpoint,
    load_starting_model,
    save_checkpoint,
    trained_label_digests,
)
from core.models.inference import predict
from core.models.network_builder import build_network
from core.models.networks.hypercolumn import HypercolumnNet
from core.training.data.snapshot import TrainingSnapshot
from core.training.data.training_set import TrainingSet
from core.training.events import CheckpointPublished, ModelEvaluated, TrainingEvent
from core.training.head.head_fit import fit_head
from core.training.head.new_class_rows import fit_new_rows, unrecognised_rows
from core.training.loop import train
from tests.core.training.head import test_head_fit

NEW = 2
SPEC = replace(test_head_fit.SPEC, class_values=(NEW, 4, 9))
RECIPE = test_head_fit.RECIPE.with_changes({"head_first": False})
EVEN = torch.ones(3)


def example(seed: int, *, knows_new: bool) -> tuple[np.ndarray, np.ndarray]:
    """A striped disc (class 9) on ground (class 4), and a dark bar (class 2) along one side."""
    picture, values = test_head_fit.example(seed)
    picture[:, :12] = 40
    values[:, :12] = np.where(values[:, :12] > 0, NEW if knows_new else 0, 0)
    return picture, values


def snapshot(folder: Path, *, knows_new: bool) -> TrainingSnapshot:
    made = TrainingSnapshot.create(folder, SPEC, RECIPE)
    for number in range(6):
        split = "train" if number < 4 else "val"
        made.put(number, f"{number}.png", split, *example(number, knows_new=knows_new))
    return made


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> HypercolumnNet:
    """A network that has learned two of the three classes, in eval mode."""
    labels = snapshot(tmp_path_factory.mktemp("labels"), knows_new=False)
    torch.manual_seed(0)
    model = build_network(SPEC)
    assert isinstance(model, HypercolumnNet)
    pictures = TrainingSet(labels, SPEC, RECIPE, torch.device("cpu"))
    assert fit_head(model, pictures, EVEN, 1.0, 0, lambda: False)
    return model.eval()


def fresh_labels(folder: Path, *, knows_new: bool = True) -> TrainingSet:
    return TrainingSet(snapshot(folder, knows_new=knows_new), SPEC, RECIPE, torch.device("cpu"), {})


def test_only_a_class_that_is_never_predicted_is_unrecognised(known: HypercolumnNet, tmp_path: Path) -> None:
    assert unrecognised_rows(known, fresh_labels(tmp_path / "with"), lambda: False) == [0]
    assert unrecognised_rows(known, fresh_labels(tmp_path / "without", knows_new=False), lambda: False) == []
    assert unrecognised_rows(known, fresh_labels(tmp_path / "stopped"), lambda: True) == []


def test_the_new_class_is_recognised_and_the_rest_stays(known: HypercolumnNet, tmp_path: Path) -> None:
    before = {name: value.clone() for name, value in known.state_dict().items()}
    pictures = fresh_labels(tmp_path)
    found = fit_new_rows(known, [0], pictures, EVEN, 1.0, 0, lambda: False)
    again = fit_new_rows(known, [0], pictures, EVEN, 1.0, 0, lambda: False)
    assert found is not None and again is not None
    assert torch.equal(found.head.weight, again.head.weight), "the same seed fits the same rows"
    assert all(torch.equal(value, before[name]) for name, value in known.state_dict().items())
    for name, value in found.state_dict().items():
        rows = slice(1, None) if name.startswith("head.") else slice(None)
        assert torch.equal(
            value[rows] if value.ndim else value, before[name][rows] if value.ndim else before[name]
        )
    assert unrecognised_rows(found, pictures, lambda: False) == []
    picture, truth = example(11, knows_new=True)
    batch = (torch.from_numpy(picture).permute(2, 0, 1)[None].float() - 127) / 128
    with torch.inference_mode():
        now, then = (network(batch)[0].argmax(0).numpy() for network in (found, known))
    assert (now[truth == NEW] == 0).mean() > 0.9
    outside = truth > NEW
    assert (now[outside] == then[outside]).mean() > 0.95


@pytest.mark.parametrize("calls", [0, 2, 5])
def test_an_aborted_fit_gives_nothing(calls: int, known: HypercolumnNet, tmp_path: Path) -> None:
    asked = iter(range(100))
    assert (
        fit_new_rows(known, [0], fresh_labels(tmp_path), EVEN, 1.0, 0, lambda: next(asked) >= calls) is None
    )


def test_a_training_with_a_new_class_publishes_a_network_that_knows_it_before_the_first_step(
    known: HypercolumnNet, tmp_path: Path
) -> None:
    save_checkpoint(tmp_path / "base", known, SPEC, {"seen": {}})
    events: list[TrainingEvent] = []
    train(
        load_starting_model(tmp_path / "base", SPEC), SPEC, snapshot(tmp_path / "labels", knows_new=True), RECIPE,
        run_folder=tmp_path / "run", on_event=events.append, warm_start=True,
        base_digests=trained_label_digests(tmp_path / "base"),
    )  # fmt: skip
    first = next(event for event in events if isinstance(event, ModelEvaluated))
    assert first.step == 0 and first.per_class[NEW] > 0.5
    assert next(event for event in events if isinstance(event, CheckpointPublished)).step == 0
    picture, truth = example(12, knows_new=True)
    values = predict(load_checkpoint(tmp_path / "run"), picture).values
    assert (values[truth == NEW] == NEW).mean() > 0.9
