"""Event files for TensorBoard: scalars, pictures with their prediction, the graph of the network, hyper-parameters.

Written by torch's own writer, which needs the package tensorboard. It is imported when a training that wants it begins.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from core.base.errors import TrainingError
from core.labels.class_list import LabelClass
from core.models.spec import ModelSpec, size_text
from core.training.callbacks.callback import Callback, EvaluationRecord, predict_rows
from core.training.callbacks.callback_options import NO_TENSORBOARD_TEXT, has_tensorboard
from core.training.data.training_set import LabelledExample, TrainingSet
from core.training.events import TrainingEvent, TrainingProgress
from core.training.recipe import Recipe

log = logging.getLogger(__name__)

PICTURES, PICTURE_SIDE = 4, 256
"""Pictures that are shown at each evaluation, and their longer side in pixels."""
FLUSH_SECONDS = 10
NOT_COUNTED = (128, 128, 128)
"""Colour of pixels without a class, such as unlabelled and void ones."""


class TensorBoardLog(Callback):
    """Writes one event file into `folder`, which is made. Raises TrainingError at the start without the package."""

    title = "TensorBoard"

    def __init__(self, folder: Path, classes: Sequence[LabelClass], spec: ModelSpec, recipe: Recipe) -> None:
        self._folder, self._spec, self._recipe = folder, spec, recipe
        colours = {each.value: each.colour for each in classes}
        self._colours = np.full((256, 3), NOT_COUNTED, np.uint8)
        for row, value in enumerate(spec.class_values):
            self._colours[row] = colours.get(value, NOT_COUNTED)
        self._writer: Any = None
        self._end: Any = None

    def on_start(self, network: nn.Module, pictures: TrainingSet, note: Callable[[str], None]) -> None:
        if not has_tensorboard():
            raise TrainingError(NO_TENSORBOARD_TEXT)
        if self._folder.is_symlink():
            raise TrainingError(f"{self._folder} is a link, and was not followed")
        from torch.utils.tensorboard import SummaryWriter
        from torch.utils.tensorboard.summary import hparams

        self._pictures = pictures
        self._writer = SummaryWriter(str(self._folder), flush_secs=FLUSH_SECONDS)
        metrics = dict.fromkeys(("val/miou", "val/pixel_accuracy"), 0.0)
        experiment, start, self._end = hparams(hyper_parameters(self._spec, self._recipe), metrics)  # type: ignore[no-untyped-call]
        for summary in (experiment, start):
            self._writer.file_writer.add_summary(summary)
        if problem := self._add_graph(network, pictures):
            note(f"TensorBoard has no graph of this network, because it cannot be traced ({problem}).")

    def on_event(self, event: TrainingEvent) -> None:
        if self._writer is not None and isinstance(event, TrainingProgress):
            for name in ("loss", "learning_rate", "pictures_per_second", "epoch"):
                self._writer.add_scalar(f"train/{name}", getattr(event, name), event.step)

    def on_evaluated(self, network: nn.Module, record: EvaluationRecord) -> None:
        for name, score in record.scores.items():
            self._writer.add_scalar(f"{record.split}/{name}", score, record.step)
        if record.val_loss is not None:
            self._writer.add_scalar(f"{record.split}/loss", record.val_loss, record.step)
        for name, iou in record.iou.items():
            self._writer.add_scalar(f"{record.split} iou/{name.replace('/', '_')}", iou, record.step)
        batches = self._pictures.evaluation_batches(record.split, PICTURES)
        for example in islice(chain.from_iterable(batches), PICTURES):
            if self.should_abort():
                break
            strip = self._strip(network, example)
            tag = f"{record.split} picture, label, prediction/{example.entry.name.replace('/', '_')}"
            self._writer.add_image(tag, strip, record.step, dataformats="HWC")
        self._writer.flush()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.file_writer.add_summary(self._end)
            self._writer.close()

    def _add_graph(self, network: nn.Module, pictures: TrainingSet) -> str:
        """Add what the network computes for an empty picture; returns why that failed."""
        empty = torch.zeros(1, self._spec.channels, *pictures.crop_size, device=pictures.device)
        printed = io.StringIO()
        try:
            with warnings.catch_warnings(), contextlib.redirect_stdout(printed), torch.no_grad():
                warnings.simplefilter("ignore")
                with torch.random.fork_rng(devices=[]):  # the training goes on with the random numbers it had
                    self._writer.add_graph(network, empty)
        except Exception as problem:  # tracing raises many types
            log.exception("the graph could not be traced; %s", printed.getvalue())
            return str(problem).strip().split("\n", maxsplit=1)[0][:120] or type(problem).__name__
        return ""

    def _strip(self, network: nn.Module, example: LabelledExample) -> NDArray[np.uint8]:
        """(h, 3 w, 3) uint8: picture, label and prediction beside each other."""
        predicted = predict_rows(network, example, self._pictures)
        picture = example.picture.permute(1, 2, 0).cpu().numpy()
        picture = picture[..., :3] if picture.shape[2] >= 3 else np.repeat(picture[..., :1], 3, 2)
        target = example.target_array
        scale = min(1.0, PICTURE_SIDE / max(target.shape))
        size = [max(1, round(side * scale)) for side in target.shape[::-1]]
        parts = [cv2.resize(np.ascontiguousarray(picture), size, interpolation=cv2.INTER_AREA)]
        parts += [
            self._colours[cv2.resize(rows, size, interpolation=cv2.INTER_NEAREST_EXACT)]
            for rows in (target, predicted)
        ]
        return np.concatenate(parts, axis=1)


def hyper_parameters(spec: ModelSpec, recipe: Recipe) -> Mapping[str, str | float | bool]:
    """Network and recipe as TensorBoard compares them: numbers, words, yes and no."""
    network: dict[str, str | float | bool] = {
        "architecture": spec.architecture,
        "encoder": spec.encoder or "",
        "weights": spec.weights,
        "size": size_text(spec.chosen_size),
        "classes": len(spec.class_values),
    }
    given = {name: value for name, value in recipe.to_json().items() if value is not None}
    return {**network, **{n: str(v) if isinstance(v, list) else v for n, v in given.items()}}
