"""The callbacks of one training, and what happens when one of them fails."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from torch import nn

from core.models.spec import ModelSpec
from core.training.callbacks.callback import Callback, EvaluationRecord
from core.training.callbacks.callback_options import CallbackOptions
from core.training.callbacks.evaluation_log import CsvLog, JsonLog
from core.training.callbacks.own_command import OwnCommand
from core.training.callbacks.prediction_strip import PredictionStrip
from core.training.callbacks.tensorboard_log import TensorBoardLog
from core.training.data.training_set import TrainingSet
from core.training.events import ModelEvaluated, TrainingEvent, TrainingNote, TrainingProgress
from core.training.recipe import Recipe

log = logging.getLogger(__name__)

CSV_FILE, JSON_FILE = "log.csv", "log.jsonl"
"""Logs in the folder of each run."""


class CallbackList:
    """Tells all callbacks what happens. One that fails is left out from then on, and a note says why.

    Pass `on_event` to the training, and the list itself. Lives on the training thread; closed at the end of a `with`.
    """

    def __init__(
        self,
        callbacks: Sequence[Callback] = (),
        on_event: Callable[[TrainingEvent], None] = lambda _: None,
        *,
        names: Mapping[int, str] = MappingProxyType({}),
        run_folder: Path = Path(),
    ) -> None:
        """names: of classes, by value"""
        self._callbacks, self._on_event, self._folder = list(callbacks), on_event, run_folder
        self._names = names
        self._progress: TrainingProgress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call(lambda each: each.close())

    def on_event(self, event: TrainingEvent) -> None:
        """Pass an event on, then tell the callbacks."""
        if isinstance(event, TrainingProgress):
            self._progress = event
        self._on_event(event)
        self._call(lambda each: each.on_event(event))

    def on_start(
        self, network: nn.Module, pictures: TrainingSet, should_abort: Callable[[], bool] = lambda: False
    ) -> None:
        """should_abort: for callbacks that take long"""
        for each in self._callbacks:
            each.should_abort = should_abort
        self._call(lambda each: each.on_start(network, pictures, self._note))

    def on_evaluated(self, network: nn.Module, event: ModelEvaluated, published: bool) -> None:
        """After an evaluation and what followed from it; network: the one that was scored."""
        record = self._record(event, published)
        self._call(lambda each: each.on_evaluated(network, record))

    def _call(self, tell: Callable[[Callback], None]) -> None:
        for each in list(self._callbacks):
            try:
                tell(each)
            except Exception as problem:  # the training is worth more than whoever listens to it
                log.exception("a callback failed: %s", each.title)
                self._callbacks.remove(each)
                with contextlib.suppress(Exception):
                    each.close()
                reason = str(problem).strip().split("\n", maxsplit=1)[0].rstrip(".")[:200]
                self._note(f"{each.title} has ended: {reason or type(problem).__name__}. Training goes on.")

    def _note(self, sentence: str) -> None:
        self._on_event(TrainingNote(sentence))

    def _record(self, event: ModelEvaluated, published: bool) -> EvaluationRecord:
        last = self._progress
        return EvaluationRecord(
            run=self._folder.name,
            step=event.step,
            epoch=round(last.epoch, 3) if last else 0.0,
            seconds=round(event.seconds, 1),
            split=event.split,
            pictures=event.labelled_pictures,
            loss=last.loss if last else None,
            learning_rate=last.learning_rate if last else None,
            pictures_per_second=round(last.pictures_per_second, 2) if last else None,
            published=published,
            scores={**event.means, "miou": event.miou, "pixel_accuracy": event.pixel_accuracy},
            iou={self._names.get(value, f"class {value}"): iou for value, iou in event.per_class.items()},
            folder=str(self._folder),
            val_loss=event.loss,
        )


def make_callbacks(
    options: CallbackOptions,
    run_folder: Path,
    spec: ModelSpec,
    recipe: Recipe,
    on_event: Callable[[TrainingEvent], None],
) -> CallbackList:
    """The logs of each run, and what is asked for."""
    names = {each.value: each.name for each in options.classes}
    titles = [names.get(value, f"class {value}") for value in spec.class_values]
    callbacks: list[Callback] = [
        CsvLog(run_folder / CSV_FILE, titles),
        JsonLog(run_folder / JSON_FILE),
        PredictionStrip(run_folder, spec),
    ]
    if options.csv:
        callbacks.append(CsvLog(options.csv, titles))
    if options.json_lines:
        callbacks.append(JsonLog(options.json_lines))
    if options.tensorboard:
        callbacks.append(TensorBoardLog(options.tensorboard, options.classes, spec, recipe))
    if options.command:
        callbacks.append(OwnCommand(options.command, options.command_folder, waits=options.waits))
    return CallbackList(callbacks, on_event, names=names, run_folder=run_folder)
