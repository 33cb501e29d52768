"""The training loop in this process: steps, published checkpoints, changed labels, stop, resume."""

import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import numpy as np
import pytest
import torch
from torch import nn

from core.base.errors import TrainingError
from core.models.checkpoint import load_checkpoint, load_starting_model
from core.models.inference import predict
from core.models.network_builder import build_network
from core.models.spec import ModelSpec
from core.training.data.snapshot import TrainingSnapshot
from core.training.data.training_set import TrainingSet
from core.training.devices import make_runtime
from core.training.distributed import ProcessGroup
from core.training.events import (
    CheckpointPublished,
    InUseScored,
    ModelEvaluated,
    TrainingEvent,
    TrainingProgress,
    TrainingStarted,
)
from core.training.loop import TrainingResult, train
from core.training.recipe import Recipe
from core.training.scoring.checkpoint_selection import CheckpointSelector
from core.training.scoring.own_size import own_size_confusion

SPEC = ModelSpec("asymmetric-unet", None, "none", 32, (4, 9))
TWO_STEPS = Recipe(minutes=None, steps=2, batch=2, threads=1)
EASY = replace(
    TWO_STEPS, steps=40, batch=4, learning_rate=1e-2, colour=0.1, ema=0.8, zoom=(0.8, 1.3), turn=0.0
)


def example(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A red disc (class 9) on blue ground (class 4), a strip of it unlabelled."""
    dice = np.random.default_rng(seed)
    y, x = np.mgrid[:24, :32]
    disc = (x - dice.integers(8, 24)) ** 2 + (y - dice.integers(8, 16)) ** 2 < dice.integers(25, 60)
    picture = np.where(disc[..., None], (220, 30, 20), (20, 60, 200)).astype(np.uint8)
    values = np.where(disc, 9, 4).astype(np.uint8)
    values[:3] = 0
    return picture, values


def frozen(
    folder: Path, recipe: Recipe, *, train: int = 4, val: int = 2, spec: ModelSpec = SPEC
) -> TrainingSnapshot:
    snapshot = TrainingSnapshot.create(folder, spec, recipe)
    for number in range(train + val):
        split = "train" if number < train else "val"
        snapshot.put(number, f"{number}.jpg", split, *example(number))
    return snapshot


def fresh_model(spec: ModelSpec = SPEC) -> nn.Module:
    torch.manual_seed(1)
    return build_network(spec)


Kind = TypeVar("Kind", bound=TrainingEvent)


def of_kind(kind: type[Kind], events: list[TrainingEvent]) -> list[Kind]:
    return [event for event in events if isinstance(event, kind)]


def test_training_of_two_steps(tmp_path: Path) -> None:
    snapshot, heard, work = frozen(tmp_path / "s", TWO_STEPS), [], []
    outcome = train(
        fresh_model(),
        SPEC,
        snapshot,
        TWO_STEPS,
        run_folder=tmp_path / "run",
        on_event=heard.append,
        between_steps=lambda: work.append(1),
    )
    assert (outcome.step, outcome.stopped) == (2, False)
    assert [type(event) for event in heard] == [
        TrainingStarted,
        TrainingProgress,
        ModelEvaluated,
        CheckpointPublished,
        InUseScored,
    ]
    started, evaluated = of_kind(TrainingStarted, heard)[0], of_kind(ModelEvaluated, heard)[0]
    assert (started.device, started.pictures) == ("cpu", 4)
    assert (evaluated.split, evaluated.labelled_pictures, evaluated.step) == ("val", 2, 2)
    assert set(evaluated.per_class) == {4, 9}
    assert sum(map(sum, evaluated.confusion)) == 2 * 21 * 32
    assert evaluated.miou == pytest.approx(np.mean(list(evaluated.per_class.values())))
    assert evaluated.basis and evaluated.basis.share == pytest.approx(21 / 24)
    assert len(work) == 2
    loaded = load_checkpoint(tmp_path / "run")
    assert loaded.metadata["miou"] == evaluated.miou
    assert set(loaded.metadata["seen"]) == {"0", "1", "2", "3"}
    assert predict(loaded, example(5)[0]).values.shape == (24, 32)


def test_training_reaches_a_good_score_on_easy_pictures(tmp_path: Path) -> None:
    snapshot = frozen(tmp_path / "s", EASY)
    outcome = train(fresh_model(), SPEC, snapshot, EASY, run_folder=tmp_path / "run", on_event=lambda _: None)
    assert outcome.best_miou is not None
    assert outcome.best_miou > 0.6
    mask = predict(load_checkpoint(tmp_path / "run"), example(99)[0])
    assert (mask.values == np.where(example(99)[0][..., 0] > 100, 9, 4)).mean() > 0.85


@pytest.mark.parametrize("loss", ["ce", "ce+dice"])
def test_unlabelled_pixels_do_not_change_the_weights(tmp_path: Path, loss: str) -> None:
    """0 (unlabelled), 255 (void) and classes the network does not have train to the very same weights."""
    recipe, weights = replace(TWO_STEPS, loss=loss), []
    for nothing in (0, 255, 77):
        snapshot = TrainingSnapshot.create(tmp_path / f"s{nothing}", SPEC, recipe)
        for number in range(3):
            picture, values = example(number)
            values[:, 16:] = nothing
            values[values == 0] = nothing
            snapshot.put(number, "a", "train", picture, values)
        model = fresh_model()
        train(model, SPEC, snapshot, recipe, run_folder=tmp_path / f"r{nothing}", on_event=lambda _: None)
        weights.append(model.state_dict())
    for other in weights[1:]:
        for name, tensor in weights[0].items():
            torch.testing.assert_close(other[name], tensor, rtol=0, atol=0)


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    snapshot = frozen(tmp_path / "s", TWO_STEPS)
    states = []
    for seed in (0, 0, 1):
        model = fresh_model()
        recipe = replace(TWO_STEPS, seed=seed)
        train(model, SPEC, snapshot, recipe, run_folder=tmp_path / "run", on_event=lambda _: None)
        states.append(model.state_dict()["head.weight"])
    torch.testing.assert_close(states[0], states[1], rtol=0, atol=0)
    assert not torch.equal(states[0], states[2])


def test_without_val_pictures_every_evaluation_publishes(tmp_path: Path) -> None:
    heard: list[TrainingEvent] = []
    snapshot = frozen(tmp_path / "s", TWO_STEPS, val=0)
    train(fresh_model(), SPEC, snapshot, TWO_STEPS, run_folder=tmp_path / "run", on_event=heard.append)
    assert of_kind(ModelEvaluated, heard)[0].split == "train"
    assert of_kind(CheckpointPublished, heard)[0].miou is None
    assert load_checkpoint(tmp_path / "run").metadata["miou"] is None


def test_nothing_labelled_is_refused(tmp_path: Path) -> None:
    snapshot = frozen(tmp_path / "s", TWO_STEPS, train=0, val=1)
    with pytest.raises(TrainingError, match="no labels to train on"):
        train(fresh_model(), SPEC, snapshot, TWO_STEPS, run_folder=tmp_path / "run", on_event=lambda _: None)


def test_missing_device_raises_a_training_error(tmp_path: Path) -> None:
    recipe = replace(TWO_STEPS, device="cuda:7")
    snapshot = frozen(tmp_path / "s", recipe)
    with pytest.raises(TrainingError, match="Choose the device “auto”"):
        train(fresh_model(), SPEC, snapshot, recipe, run_folder=tmp_path / "run", on_event=lambda _: None)


@pytest.fixture(scope="module")
def good_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A checkpoint folder that is good at the easy pictures, and its mIoU."""
    folder = tmp_path_factory.mktemp("good")
    snapshot = frozen(folder / "s", EASY)
    outcome = train(fresh_model(), SPEC, snapshot, EASY, run_folder=folder / "run", on_event=lambda _: None)
    assert outcome.best_miou is not None
    return folder / "run", outcome.best_miou


def train_on(
    base: Path, snapshot: TrainingSnapshot, recipe: Recipe, run: Path, heard: list[TrainingEvent]
) -> TrainingResult:
    spec = snapshot.spec
    return train(
        load_starting_model(base, spec),
        spec,
        snapshot,
        recipe,
        run_folder=run,
        on_event=heard.append,
        warm_start=True,
    )


def test_a_good_network_is_not_replaced_by_a_worse_one(tmp_path: Path, good_run: tuple[Path, float]) -> None:
    wild = replace(EASY, steps=4, learning_rate=1.0, ema=0.0)
    heard: list[TrainingEvent] = []
    outcome = train_on(good_run[0], frozen(tmp_path / "s", wild), wild, tmp_path / "run", heard)
    assert of_kind(ModelEvaluated, heard)[-1].miou < good_run[1]
    assert not outcome.published
    assert outcome.best_miou == pytest.approx(good_run[1], abs=1e-4)
    assert not (tmp_path / "run").exists()


def test_known_classes_stay_known_when_a_class_is_added(tmp_path: Path, good_run: tuple[Path, float]) -> None:
    spec = replace(SPEC, class_values=(2, 4, 9))
    snapshot = frozen(tmp_path / "s", TWO_STEPS, spec=spec)
    heard: list[TrainingEvent] = []
    train_on(good_run[0], snapshot, TWO_STEPS, tmp_path / "run", heard)
    assert of_kind(ModelEvaluated, heard)[-1].miou > good_run[1] - 0.15


def test_labels_added_during_training_are_used(tmp_path: Path) -> None:
    recipe = replace(EASY, steps=6)
    snapshot, heard = frozen(tmp_path / "s", recipe, train=2, val=0), []
    told = iter([False, False, True])

    def changed() -> bool:
        if not next(told, False):
            return False
        for number in (10, 11):
            snapshot.put(number, "late", "train" if number == 10 else "val", *example(number))
        return True

    train(
        fresh_model(), SPEC, snapshot, recipe,
        run_folder=tmp_path / "run", on_event=heard.append, snapshot_changed=changed,
    )  # fmt: skip
    assert of_kind(TrainingStarted, heard)[0].pictures == 2
    assert of_kind(ModelEvaluated, heard)[-1].split == "val"
    assert "10" in load_checkpoint(tmp_path / "run").metadata["seen"]


def test_best_weights_are_scored_again_when_val_changes(tmp_path: Path, good_run: tuple[Path, float]) -> None:
    """A val picture whose label contradicts the others lowers the score of the best weights too."""
    recipe = replace(EASY, steps=3, learning_rate=1e-6)
    snapshot, heard = frozen(tmp_path / "s", recipe), []
    told = iter([False, True])

    def changed() -> bool:
        if not next(told, False):
            return False
        picture, values = example(50)
        snapshot.put(50, "liar", "val", picture, np.where(values == 9, 4, 9).astype(np.uint8))
        return True

    outcome = train(
        load_starting_model(good_run[0], SPEC), SPEC, snapshot, recipe, warm_start=True,
        run_folder=tmp_path / "run", on_event=heard.append, snapshot_changed=changed,
    )  # fmt: skip
    assert outcome.best_miou is not None
    assert outcome.best_miou < good_run[1] - 0.1


def test_stop_and_pause(tmp_path: Path) -> None:
    recipe = replace(TWO_STEPS, steps=1000)
    heard: list[TrainingEvent] = []
    asked = iter(range(10**6))
    pausing = iter([False, False, True, True, True])
    outcome = train(
        fresh_model(), SPEC, frozen(tmp_path / "s", recipe), recipe,
        run_folder=tmp_path / "run", on_event=heard.append,
        should_stop=lambda: next(asked) >= 7, should_pause=lambda: next(pausing, False),
    )  # fmt: skip
    assert outcome.stopped
    assert outcome.step == 4  # seven times asked, three of them paused
    assert outcome.published
    assert load_checkpoint(tmp_path / "run").metadata["step"] == 4


def test_stop_does_not_wait_for_a_long_evaluation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first evaluation its duration is unknown; here every picture takes half a minute."""
    now, scored = [0.0], list[int]()

    def slow(*words: Any) -> torch.Tensor:
        now[0] += 30.0
        scored.append(1)
        return own_size_confusion(*words)

    monkeypatch.setattr("core.training.scoring.validation.own_size_confusion", slow)
    monkeypatch.setattr(
        "core.training.loop.time", SimpleNamespace(monotonic=lambda: now[0], sleep=time.sleep)
    )
    recipe = replace(TWO_STEPS, steps=1000)
    asked = iter(range(10**6))
    outcome = train(
        fresh_model(), SPEC, frozen(tmp_path / "s", recipe, val=40), recipe,
        run_folder=tmp_path / "run", on_event=lambda _: None, should_stop=lambda: next(asked) >= 3,
    )  # fmt: skip
    assert outcome.stopped and not outcome.published
    assert len(scored) == 1


def make_selector(
    run: Path, snapshot: TrainingSnapshot, heard: list[TrainingEvent]
) -> tuple[CheckpointSelector, TrainingSet]:
    pictures = TrainingSet(snapshot, SPEC, TWO_STEPS, torch.device("cpu"))
    selector = CheckpointSelector(
        run, SPEC, TWO_STEPS, pictures,
        on_event=heard.append, autocast=nullcontext, should_abort=lambda: False,
        group=ProcessGroup(make_runtime(TWO_STEPS)),
    )  # fmt: skip
    return selector, pictures


def test_evaluations_become_rarer_and_come_soon_after_new_labels(tmp_path: Path) -> None:
    selector, _ = make_selector(tmp_path / "run", frozen(tmp_path / "s", TWO_STEPS), [])
    model, looks = fresh_model().eval(), []
    for second in range(120):
        if selector.is_due(second):
            selector.evaluate(model, second, second)
            looks.append(second)
    assert looks[0] <= 8
    gaps = np.diff(looks)
    assert gaps[0] < gaps[-1]
    assert gaps.max() <= 16
    selector.on_label_update(120)
    assert not selector.is_due(121)
    assert selector.is_due(125)


@pytest.mark.parametrize("warm", [False, True], ids=["fresh", "warm"])
def test_evaluation_is_repeated_when_val_pictures_change_meanwhile(tmp_path: Path, warm: bool) -> None:
    """The only val picture is replaced repeatedly; nothing unmeasured is published meanwhile."""
    heard: list[TrainingEvent] = []
    snapshot = frozen(tmp_path / "s", TWO_STEPS, val=1)
    selector, pictures = make_selector(tmp_path / "run", snapshot, heard)
    model = fresh_model().eval()
    for seed in (70, 71):  # twice: what was there before a single change is still readable
        snapshot.put(4, "4.jpg", "val", *example(seed))
    if warm:
        selector.evaluate_base(model, 0.0)
    selector.evaluate(model, 1, 6.0)
    assert heard == []
    assert selector.is_due(7.5)
    pictures.refresh()
    if warm:  # the weights to beat are scored first, and the same weights are not better
        selector.evaluate(model, 2, 7.5)
        assert of_kind(ModelEvaluated, heard)
        assert not of_kind(CheckpointPublished, heard)
    else:
        selector.evaluate(model, 2, 7.5)
        assert of_kind(CheckpointPublished, heard)[0].miou is not None


def test_val_pictures_without_a_class_are_not_evaluated(tmp_path: Path) -> None:
    heard: list[TrainingEvent] = []
    snapshot = frozen(tmp_path / "s", TWO_STEPS, val=0)
    picture, values = example(80)
    snapshot.put(9, "void.jpg", "val", picture, np.full_like(values, 255))
    selector, _ = make_selector(tmp_path / "run", snapshot, heard)
    selector.evaluate(fresh_model().eval(), 1, 6.0)
    assert of_kind(CheckpointPublished, heard)[0].miou is None


def test_weights_that_lose_a_class_are_interpolated_with_the_best(
    tmp_path: Path, good_run: tuple[Path, float]
) -> None:
    """From a network that predicts too little of class 9 to one that predicts nothing else: the best lies between."""
    heard: list[TrainingEvent] = []
    selector, _ = make_selector(tmp_path / "run", frozen(tmp_path / "s", EASY), heard)
    model = load_starting_model(good_run[0], SPEC).eval()
    right = model.state_dict()["head.bias"].clone()
    towards_9 = torch.tensor([-1.0, 1.0])

    def shift_to(share: float) -> None:
        model.state_dict()["head.bias"].copy_(right + (16 * share - 5) * towards_9)

    shift_to(0.0)
    selector.evaluate_base(model, 0.0)
    before = selector.best_miou
    assert before is not None
    shift_to(1.0)
    looked_at = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    selector.evaluate(model, 5, 6.0)
    (published,), evaluated = of_kind(CheckpointPublished, heard), of_kind(ModelEvaluated, heard)
    assert published.miou == selector.best_miou == evaluated[-1].miou > before + 0.1
    assert selector.evaluations_without_gain == 0
    torch.testing.assert_close(
        load_checkpoint(tmp_path / "run").model.state_dict()["head.bias"], right - towards_9
    )
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, looked_at[name]), "the training goes on from where it was"
    shift_to(9.0)  # nothing between is better than what is in use
    selector.evaluate(model, 6, 12.0)
    assert len(of_kind(CheckpointPublished, heard)) == 1
    assert selector.evaluations_without_gain == 1


def test_resumed_training_continues_where_it_ended(tmp_path: Path) -> None:
    """Four steps, then four more, share weights, average, optimizer and schedule with the first four."""
    half, whole = replace(EASY, steps=4), replace(EASY, steps=8)
    snapshot, heard = frozen(tmp_path / "s", half), []
    first = fresh_model()
    train(first, SPEC, snapshot, half, run_folder=tmp_path / "a", on_event=lambda _: None, keep_state=True)
    again = fresh_model()
    outcome = train(
        again,
        SPEC,
        snapshot,
        whole,
        run_folder=tmp_path / "a",
        on_event=heard.append,
        resume_from=tmp_path / "a",
    )
    assert outcome.step == 8
    assert of_kind(TrainingProgress, heard)[0].step == 5
    assert of_kind(ModelEvaluated, heard)[-1].step == 8
    assert not torch.equal(first.state_dict()["head.weight"], again.state_dict()["head.weight"])
    same = fresh_model()  # nothing left to do: what comes out is what was kept
    train(
        same,
        SPEC,
        snapshot,
        half,
        run_folder=tmp_path / "b",
        on_event=lambda _: None,
        resume_from=tmp_path / "a",
    )
    for name, tensor in first.state_dict().items():
        torch.testing.assert_close(same.state_dict()[name], tensor, rtol=0, atol=0)


def test_resuming_without_a_valid_state_raises_a_training_error(
    tmp_path: Path, good_run: tuple[Path, float]
) -> None:
    snapshot = frozen(tmp_path / "s", TWO_STEPS)
    with pytest.raises(TrainingError, match="has no saved training state"):
        train(
            fresh_model(), SPEC, snapshot, TWO_STEPS,
            run_folder=tmp_path / "run", on_event=lambda _: None, resume_from=good_run[0],
        )  # fmt: skip
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "resume.safetensors").write_bytes(b"\x80\x04N.")
    with pytest.raises(TrainingError, match="cannot be resumed"):
        train(
            fresh_model(), SPEC, snapshot, TWO_STEPS,
            run_folder=tmp_path / "run", on_event=lambda _: None, resume_from=tmp_path / "bad",
        )  # fmt: skip


@pytest.mark.parametrize("name", ["unet", "deeplabv3plus", "segformer"])
def test_networks_of_the_library_train_too(tmp_path: Path, name: str) -> None:
    spec = ModelSpec(name, "mit_b0" if name == "segformer" else "resnet18", "none", 64, (4, 9))
    snapshot, heard = frozen(tmp_path / "s", TWO_STEPS, spec=spec), []
    train(fresh_model(spec), spec, snapshot, TWO_STEPS, run_folder=tmp_path / "run", on_event=heard.append)
    assert of_kind(CheckpointPublished, heard)
    assert predict(load_checkpoint(tmp_path / "run"), example(5)[0]).values.shape == (24, 32)
