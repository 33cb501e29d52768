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
from core.training.head import new_class_rows
from core.training.head.head_fit import fit_head
from core.training.head.new_class_rows import NewClassRows, unrecognised_rows
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
    pictures = fresh_labels(tmp_path)
    assert unrecognised_rows(known, pictures, {0, 1, 2}, lambda: False) == [0]
    assert unrecognised_rows(known, pictures, {1, 2}, lambda: False) == []
    assert unrecognised_rows(known, pictures, {0, 1, 2}, lambda: True) is None


def test_the_new_class_is_recognised_and_the_rest_stays(known: HypercolumnNet, tmp_path: Path) -> None:
    before = {name: value.clone() for name, value in known.state_dict().items()}
    pictures = fresh_labels(tmp_path)
    rows = NewClassRows(RECIPE, pictures)
    found, again = (
        rows.fit(known, EVEN, lambda: False),
        NewClassRows(RECIPE, pictures).fit(known, EVEN, lambda: False),
    )
    assert found is not None and again is not None
    assert torch.equal(found.head.weight, again.head.weight), "the same seed fits the same rows"
    assert all(torch.equal(value, before[name]) for name, value in known.state_dict().items())
    for name, value in found.state_dict().items():
        is_head = name.startswith("head.")
        assert torch.equal(value[1:] if is_head else value, before[name][1:] if is_head else before[name])
    assert rows.fit(known, EVEN, lambda: False) is None, "a class is fitted once"
    assert unrecognised_rows(found, pictures, {0, 1, 2}, lambda: False) == []
    picture, truth = example(11, knows_new=True)
    batch = (torch.from_numpy(picture).permute(2, 0, 1)[None].float() - 127) / 128
    with torch.inference_mode():
        now, then = (network(batch)[0].argmax(0).numpy() for network in (found, known))
    outside = truth > NEW
    assert (now[truth == NEW] == 0).mean() > 0.9
    assert (now[outside] == then[outside]).mean() > 0.95


def test_nothing_is_fitted_where_all_classes_are_known_or_rows_are_no_part_of_the_network(
    known: HypercolumnNet, tmp_path: Path
) -> None:
    without = fresh_labels(tmp_path / "without", knows_new=False)
    assert NewClassRows(RECIPE, without).fit(known, EVEN, lambda: False) is None
    other = build_network(replace(SPEC, architecture="asymmetric-unet", encoder=None, weights="none"))
    assert (
        NewClassRows(RECIPE, fresh_labels(tmp_path / "with")).fit(other.eval(), EVEN, lambda: False) is None
    )


def test_a_known_class_that_is_missed_where_it_was_searched_keeps_its_row(
    known: HypercolumnNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest picture has a disc that cannot be seen; the discs of the others are recognised."""
    labels = snapshot(tmp_path, knows_new=False)
    seen = {number: entry.digest for number, entry in labels.entries().items()}
    picture, values = np.full((64, 64, 3), 130, np.uint8), np.full((64, 64), 4, np.uint8)
    values[20:30, 20:30] = 9
    labels.put(7, "7.png", "train", picture, values)
    pictures = TrainingSet(labels, SPEC, RECIPE, torch.device("cpu"), seen)
    assert unrecognised_rows(known, pictures, {2}, lambda: False) == []
    monkeypatch.setattr(new_class_rows, "MAX_SEARCHED_PICTURES", 1)
    assert unrecognised_rows(known, pictures, {2}, lambda: False) == [2]
    assert NewClassRows(RECIPE, pictures).fit(known, EVEN, lambda: False) is None


@pytest.mark.parametrize("calls", [0, 3, 5, 9])
def test_an_aborted_fit_gives_nothing(calls: int, known: HypercolumnNet, tmp_path: Path) -> None:
    rows, asked = NewClassRows(RECIPE, fresh_labels(tmp_path)), iter(range(100))
    assert rows.fit(known, EVEN, lambda: next(asked) >= calls) is None


def test_a_class_that_is_first_labelled_during_a_training_is_fitted(
    known: HypercolumnNet, tmp_path: Path
) -> None:
    save_checkpoint(tmp_path / "base", known, SPEC, {"seen": {}})
    labels, events, asked = (
        snapshot(tmp_path / "labels", knows_new=False),
        list[TrainingEvent](),
        iter(range(100)),
    )

    def changed() -> bool:
        if next(asked) != 1:
            return False
        for number in range(6):
            labels.put(
                number, f"{number}.png", "train" if number < 4 else "val", *example(number, knows_new=True)
            )
        return True

    train(
        load_starting_model(tmp_path / "base", SPEC), SPEC, labels, RECIPE.with_changes({"steps": 3}),
        run_folder=tmp_path / "run", on_event=events.append, warm_start=True, snapshot_changed=changed,
        base_digests=trained_label_digests(tmp_path / "base"),
    )  # fmt: skip
    scored = [event for event in events if isinstance(event, ModelEvaluated) and NEW in event.per_class]
    assert scored[0].step <= 3 and scored[0].per_class[NEW] > 0.5, "far more than a step or two could teach"


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
