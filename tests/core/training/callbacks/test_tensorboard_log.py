"""Event files, read by the real TensorBoard."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from torch import Tensor, nn

from core.labels.confusion_scores import MEAN_SCORES
from core.models.network_builder import build_network
from core.training.callbacks import tensorboard_log
from core.training.callbacks.callback_list import CallbackList, make_callbacks
from core.training.callbacks.callback_options import CallbackOptions
from core.training.events import ModelEvaluated, TrainingEvent, TrainingNote, TrainingProgress
from core.training.loop import TrainingResult, train
from tests.core.training.small_training import CLASSES, RECIPE, SPEC, small_snapshot

Heard = list[TrainingEvent]


class Untraceable(nn.Module):
    """A network of SPEC that refuses to be traced."""

    def __init__(self) -> None:
        super().__init__()
        self.network = build_network(SPEC)

    def forward(self, batch: Tensor) -> Tensor:
        if torch.jit.is_tracing():
            raise RuntimeError("this cannot be traced")
        result: Tensor = self.network(batch)
        return result


def trained(folder: Path, heard: Heard, model: nn.Module | None = None) -> TrainingResult:
    options = CallbackOptions(CLASSES, tensorboard=folder / "events")
    torch.manual_seed(1)
    with make_callbacks(options, folder / "12", SPEC, RECIPE, heard.append) as callbacks:
        return train(
            model or build_network(SPEC),
            SPEC,
            small_snapshot(folder / "snapshot"),
            RECIPE,
            run_folder=folder / "12",
            on_event=callbacks.on_event,
            callbacks=callbacks,
        )


def read(folder: Path) -> EventAccumulator:
    found = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0})
    found.Reload()
    return found


def test_tensorboard_reads_what_was_written(tmp_path: Path) -> None:
    heard: Heard = []
    trained(tmp_path, heard)
    [evaluated] = [event for event in heard if isinstance(event, ModelEvaluated)]
    progress = [event for event in heard if isinstance(event, TrainingProgress)]
    found = read(tmp_path / "events")

    def values(tag: str) -> list[tuple[int, float]]:
        return [(point.step, point.value) for point in found.Scalars(tag)]

    assert values("train/loss") == [(e.step, pytest.approx(e.loss)) for e in progress]
    assert values("train/learning_rate") == [(e.step, pytest.approx(e.learning_rate)) for e in progress]
    assert values("train/pictures_per_second") == [
        (e.step, pytest.approx(e.pictures_per_second)) for e in progress
    ]
    assert values("val/loss") == [(2, pytest.approx(evaluated.loss))]
    assert values("val/miou") == [(2, pytest.approx(evaluated.miou))]
    assert set(found.Tags()["scalars"]) >= {f"val/{name}" for name in MEAN_SCORES}
    assert values("val iou/sky, blue") == [(2, pytest.approx(evaluated.per_class[4]))]
    assert values("val iou/=disc") == [(2, pytest.approx(evaluated.per_class[9]))]

    assert found.Tags()["images"] == [f"val picture, label, prediction/{n}.jpg" for n in (4, 5)]
    [image] = found.Images("val picture, label, prediction/4.jpg")
    strip = np.asarray(Image.open(io.BytesIO(image.encoded_image_string)))
    assert strip.shape == (24, 96, 3)
    label = strip[:, 32:64]
    assert (label[:3] == tensorboard_log.NOT_COUNTED).all()
    assert tuple(label[12, 20]) == CLASSES[1].colour
    assert tuple(label[20, 2]) == CLASSES[0].colour
    shown = {tuple(pixel) for pixel in strip[:, 64:].reshape(-1, 3).tolist()}
    assert shown <= {each.colour for each in CLASSES}

    graph = found.Graph()
    assert any("Conv2d" in node.name for node in graph.node)
    start = HParamsPluginData.FromString(
        found.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    ).session_start_info
    assert start.hparams["architecture"].string_value == SPEC.architecture
    assert start.hparams["loss"].string_value == RECIPE.loss
    assert start.hparams["learning_rate"].number_value == RECIPE.learning_rate
    assert not any(isinstance(event, TrainingNote) for event in heard)


def test_a_network_that_cannot_be_traced_has_no_graph_but_all_else(tmp_path: Path) -> None:
    heard: Heard = []
    torch.manual_seed(1)
    assert trained(tmp_path, heard, Untraceable()).published
    [note] = [event.message for event in heard if isinstance(event, TrainingNote)]
    assert note == (
        "TensorBoard has no graph of this network, because it cannot be traced (this cannot be traced)."
    )
    found = read(tmp_path / "events")
    assert not found.Tags()["graph"]
    assert found.Scalars("val/miou")


def test_listening_does_not_change_the_weights(tmp_path: Path) -> None:
    def weights(folder: Path, run: Callable[[Path], object]) -> bytes:
        run(folder)
        return (folder / "12" / "model.safetensors").read_bytes()

    def silently(folder: Path) -> None:
        torch.manual_seed(1)
        train(
            build_network(SPEC),
            SPEC,
            small_snapshot(folder / "snapshot"),
            RECIPE,
            run_folder=folder / "12",
            on_event=lambda _: None,
            callbacks=CallbackList(),
        )

    assert weights(tmp_path / "a", lambda folder: trained(folder, [])) == weights(tmp_path / "b", silently)


@pytest.mark.parametrize("case", ["no package", "link", "file"])
def test_what_cannot_be_written_is_said_and_training_goes_on(
    tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    if case == "no package":
        monkeypatch.setattr(tensorboard_log, "has_tensorboard", lambda: False)
    elif case == "link":
        (tmp_path / "events").symlink_to(outside)
    else:
        (tmp_path / "events").write_text("a file")
    heard: Heard = []
    assert trained(tmp_path, heard).published
    [note] = [event.message for event in heard if isinstance(event, TrainingNote)]
    assert note.startswith("TensorBoard has ended: ")
    assert note.endswith("Training goes on.")
    assert {"no package": "pip install tensorboard", "link": "is a link", "file": "events"}[case] in note
    assert not list(outside.iterdir())
