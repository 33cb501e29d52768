"""The head fitted to frozen features: a useful network before the first training step."""

from pathlib import Path

import numpy as np
import pytest
import torch

from core.models.checkpoint import load_checkpoint, load_starting_model
from core.models.inference import predict
from core.models.network_builder import build_network
from core.models.networks.hypercolumn import HypercolumnNet
from core.models.spec import ModelSpec
from core.training.data.snapshot import TrainingSnapshot
from core.training.data.training_set import TrainingSet
from core.training.events import CheckpointPublished, ModelEvaluated, TrainingEvent
from core.training.head.head_fit import fit_head
from core.training.head.pixel_sample import draw_pixels, pixels_per_class
from core.training.loop import train
from core.training.recipe import Recipe

SPEC = ModelSpec("hypercolumn", "tu-tf_efficientnet_lite0", "imagenet", 64, (4, 9))
EVEN = torch.ones(2)
RECIPE = Recipe(minutes=None, steps=1, batch=2, threads=1, zoom=(1.0, 1.0), turn=0.0)


def example(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A striped disc (class 9) on plain ground (class 4) of the same mean colour; most of it is unlabelled."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:64, :64]
    disc = (x - rng.integers(20, 44)) ** 2 + (y - rng.integers(20, 44)) ** 2 < 16**2
    stripes = np.where((x // 2) % 2, 90, 170)
    picture = np.where(disc, stripes, 130).astype(np.uint8)[..., None].repeat(3, 2)
    values = np.where(disc, 9, 4).astype(np.uint8)
    values[rng.random(values.shape) < 0.8] = 0
    return picture, values


def snapshot(folder: Path, *, val: int = 2) -> TrainingSnapshot:
    made = TrainingSnapshot.create(folder, SPEC, RECIPE)
    for number in range(4 + val):
        made.put(number, f"{number}.png", "train" if number < 4 else "val", *example(number))
    return made


def training_set(folder: Path) -> TrainingSet:
    return TrainingSet(snapshot(folder), SPEC, RECIPE, torch.device("cpu"))


def network() -> HypercolumnNet:
    model = build_network(SPEC)
    assert isinstance(model, HypercolumnNet)
    return model


def test_a_fitted_head_predicts_what_colour_alone_cannot(tmp_path: Path) -> None:
    model, pictures = network(), training_set(tmp_path)
    encoder_before = {name: value.clone() for name, value in model.encoder.state_dict().items()}
    assert fit_head(model, pictures, EVEN, 1.0, 0, lambda: False)
    hit = total = 0
    with torch.inference_mode():
        for number in range(10, 14):
            picture, _ = example(number)
            batch = (torch.from_numpy(picture).permute(2, 0, 1)[None].float() - 127) / 128
            rows = model.eval()(batch)[0].argmax(0).numpy()
            rng = np.random.default_rng(number)
            y, x = np.mgrid[:64, :64]
            disc = (x - rng.integers(20, 44)) ** 2 + (y - rng.integers(20, 44)) ** 2 < 16**2
            hit, total = hit + int((rows == disc).sum()), total + rows.size
    assert hit / total > 0.9
    assert all(torch.equal(value, encoder_before[name]) for name, value in model.encoder.state_dict().items())


def test_the_same_seed_fits_the_same_head_and_leaves_the_random_numbers_alone(tmp_path: Path) -> None:
    pictures = training_set(tmp_path)
    found = []
    for _ in range(2):
        torch.manual_seed(5)
        model = network()
        state = torch.get_rng_state()
        fit_head(model, pictures, EVEN, 1.0, 3, lambda: False)
        assert torch.equal(torch.get_rng_state(), state)
        found.append(model.head.weight.detach().clone())
    assert torch.equal(*found)


@pytest.mark.parametrize("calls", [0, 2, 5])
def test_an_aborted_fit_changes_nothing(calls: int, tmp_path: Path) -> None:
    model, pictures = network().train(), training_set(tmp_path)
    model.encoder.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    asked = iter(range(100))
    assert not fit_head(model, pictures, EVEN, 1.0, 0, lambda: next(asked) >= calls)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model.training and not model.encoder.training


def test_pixels_are_balanced_over_classes() -> None:
    target = np.full((10, 20), 255, np.uint8)
    target[2, 3] = 0
    target[5:] = 2
    places, rows = draw_pixels(target, 7, np.random.default_rng(0))
    assert np.bincount(rows).tolist() == [1, 0, 7]
    assert places[rows == 0].tolist() == [[3.5, 2.5]]
    x, y = places[rows == 2].T.astype(int)
    assert (target[y, x] == 2).all() and len({*zip(x, y, strict=True)}) == 7
    assert pixels_per_class(2, 2) == 200 and pixels_per_class(400, 50) == 40


def test_many_classes_take_fewer_pixels_each() -> None:
    target = np.arange(250, dtype=np.uint8).repeat(60).reshape(100, 150)
    assert len(draw_pixels(target, 40, np.random.default_rng(0))[1]) == 250 * 40
    assert np.bincount(draw_pixels(target, 40, np.random.default_rng(0), 750)[1]).tolist() == [3] * 250
    assert len(draw_pixels(target, 40, np.random.default_rng(0), 0)[1]) == 250


def test_a_single_labelled_pixel_gives_finite_weights(tmp_path: Path) -> None:
    labels = TrainingSnapshot.create(tmp_path, SPEC, RECIPE)
    values = np.zeros((64, 64), np.uint8)
    values[5, 7] = 9
    labels.put(0, "0.png", "train", example(0)[0], values)
    model, pictures = network(), TrainingSet(labels, SPEC, RECIPE, torch.device("cpu"))
    assert fit_head(model, pictures, EVEN, 1.0, 0, lambda: False)
    assert all(bool(value.isfinite().all()) for value in model.state_dict().values())


def test_pictures_that_were_removed_meanwhile_leave_the_network_as_it_is(tmp_path: Path) -> None:
    model, labels = network(), snapshot(tmp_path)
    pictures = TrainingSet(labels, SPEC, RECIPE, torch.device("cpu"))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for number in range(4):
        labels.remove(number)
    assert not fit_head(model, pictures, EVEN, 1.0, 0, lambda: False)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_the_first_checkpoint_is_the_head_and_training_goes_on_from_it(tmp_path: Path) -> None:
    events: list[TrainingEvent] = []
    train(
        load_starting_model(None, SPEC), SPEC, snapshot(tmp_path / "snapshot"), RECIPE,
        run_folder=tmp_path / "run", on_event=events.append,
    )  # fmt: skip
    assert [e.step for e in events if isinstance(e, ModelEvaluated)] == [0, 1]
    first = next(e for e in events if isinstance(e, CheckpointPublished))
    assert first.step == 0 and first.miou is not None and first.miou > 0.7
    loaded = load_checkpoint(tmp_path / "run")
    assert loaded.spec.normalisation == "symmetric"
    picture, _ = example(20)
    assert {*np.unique(predict(loaded, picture).values)} <= {4, 9}


@pytest.mark.parametrize("recipe", [{"head_first": False}, {}])
def test_random_weights_and_a_recipe_without_it_fit_no_head(recipe: dict[str, bool], tmp_path: Path) -> None:
    spec = SPEC if recipe else ModelSpec("hypercolumn", SPEC.encoder, "none", 64, SPEC.class_values)
    events: list[TrainingEvent] = []
    train(
        load_starting_model(None, spec), spec, snapshot(tmp_path / "snapshot"), RECIPE.with_changes(recipe),
        run_folder=tmp_path / "run", on_event=events.append,
    )  # fmt: skip
    assert [e.step for e in events if isinstance(e, ModelEvaluated)] == [1]
