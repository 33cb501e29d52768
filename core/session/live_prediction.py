"""Live prediction of the picture on screen, in a process of its own that answers each stroke. Does not import torch."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from core.base.errors import ImageError, MaskloopError
from core.base.json_process import JsonProcess
from core.labels.label_map import LabelSnapshot, Values
from core.labels.prediction import PredictedMask, read_prediction
from core.live.answer_file import read_answer
from core.live.head_comparison import HeadComparison, compare
from core.live.labelled_pixels import sample_evenly, sample_labelled_pixels
from core.live.live_messages import (
    ForgetCommand,
    LearnCommand,
    LiveCommand,
    LiveFailed,
    LiveImpossible,
    LiveReady,
    LiveScored,
    PackedPixels,
    ScoreCommand,
    ShowCommand,
    decode_live_event,
)
from core.project.project import Project, run_class_mapping
from core.project.records import PictureRecord, Split
from core.session.read_lane import ReadLane

log = logging.getLogger(__name__)

MODULE = "core.live.live_worker"
MAX_STARTS = 3
"""Starts of the process in a session: one that ends again and again is no longer started."""
MAX_COMPARED, COMPARED_PIXELS = 24, 2000
"""Validation pictures, and labelled pixels of each, on which the live head is compared with the trained network."""
MAX_LEARNT = 60
"""Labelled pictures that the first answer of a session learns from, evenly spread over all."""


@dataclass(frozen=True, slots=True)
class LiveAnswer:
    """mask: the prediction, None with `problem`, a sentence why there is none; refined: no better one follows."""

    picture_id: int
    mask: PredictedMask | None
    refined: bool = True
    problem: str = ""


@dataclass(slots=True)
class _OpenComparison:
    """Waits for the live values of `waiting` pictures; lists as `core.live.head_comparison.compare` takes them."""

    number: int
    waiting: dict[int, tuple[Values, Values]]
    labels: list[Values] = field(default_factory=list)
    live: list[Values] = field(default_factory=list)
    network: list[Values] = field(default_factory=list)


class LivePredictionService:
    """Called from the GUI thread; the work is done on the live lane, which is the only one that uses the process.

    Answers are given to the function passed to `start`, on a thread of their own: only those to the newest request.
    """

    def __init__(self, project: Project) -> None:
        self._folder = project.cache_folder / "live"
        self._lane: ReadLane | None = None
        self._home = project.home
        self._lock = threading.Lock()
        self._on_answer: Callable[[LiveAnswer], object] | None = None
        self._process: JsonProcess | None = None
        self._starts = 0
        self._number = 0
        self._has_learnt = False
        self._comparison: _OpenComparison | None = None
        self._comparisons = 0
        self.comparison: HeadComparison | None = None
        """The newest; None until both were measured."""

    # GUI thread -----------------------------------------------------------------------------------

    def start(self, on_answer: Callable[[LiveAnswer], object]) -> None:
        """Take requests from now on. The process starts with the first label, which it needs to answer anything."""
        with self._lock:
            self._on_answer = on_answer
            self._lane = self._lane or ReadLane("live", self._home)

    def stop(self) -> None:
        """End the process and free its memory; `start` may be called again."""
        with self._lock:
            self._on_answer = None
            self._number += 1
            if self._lane is not None:
                self._lane.submit(self._end_process)

    def predict(self, picture_id: int, labels: LabelSnapshot) -> None:
        """Answer to the label of the picture on screen as it is now. A later request takes the place of this one."""
        with self._lock:
            if self._lane is None or self._on_answer is None:
                return
            self._number += 1
            self._lane.submit(self._predict, self._number, picture_id, labels)

    def learn(self, picture_ids: Sequence[int]) -> None:
        """The labels of these pictures have changed: learn them for the others."""
        with self._lock:
            if self._lane is not None and self._on_answer is not None:
                self._lane.submit(self._learn, tuple(picture_ids))

    def compare(self) -> None:
        """Measure live head and network on the validation pictures; `comparison` is the result, a while later."""
        with self._lock:
            if self._lane is not None and self._on_answer is not None:
                self._lane.submit(self._compare)

    def forget(self) -> None:
        """The classes have changed: learn all pictures again."""
        self.comparison = None
        with self._lock:
            self._number += 1
            if self._lane is not None and self._on_answer is not None:
                self._lane.submit(self._forget)

    def close(self) -> None:
        """End process and lane; no answer comes afterwards."""
        self.stop()
        lane, self._lane = self._lane, None
        if lane is not None:
            lane.shutdown()
            lane.close()

    # Live lane ------------------------------------------------------------------------------------

    def _predict(self, number: int, picture_id: int, labels: LabelSnapshot) -> None:
        if number != self._number:
            return
        project = self._project()
        record = project.pictures.get(picture_id)
        pixels = sample_labelled_pixels(labels.copy())
        first = () if self._has_learnt else self._first_pictures(project, picture_id)
        if not (len(pixels.values) or first or self._has_learnt):
            return
        self._has_learnt = True
        self._learn(first)
        out = self._folder / f"{picture_id}.npy"
        path = project.picture_path(record.path)
        self._send(ShowCommand(number, picture_id, path, out, PackedPixels.pack(pixels)))

    def _first_pictures(self, project: Project, shown: int) -> tuple[int, ...]:
        records = [record for record in project.pictures.labelled(Split.TRAIN) if record.id != shown]
        step = max(1, -(-len(records) // MAX_LEARNT))
        return tuple(record.id for record in records[::step])

    def _learn(self, picture_ids: tuple[int, ...]) -> None:
        project = self._project()
        for picture_id in picture_ids:
            record = project.pictures.get(picture_id)
            # Pictures of val and test are what heads are measured on.
            if record.split in (None, Split.TRAIN) and record.width and record.height:
                self._learn_one(project, record, project.labels.read(picture_id, record.width, record.height))

    def _learn_one(self, project: Project, record: PictureRecord, label: Values) -> None:
        pixels = PackedPixels.pack(sample_labelled_pixels(label))
        try:
            self._send(LearnCommand(record.id, project.picture_path(record.path), pixels))
        except MaskloopError:
            log.warning("not learnt for live prediction: %s", record.path)

    def _forget(self) -> None:
        self._has_learnt = False
        self._send(ForgetCommand())

    def _compare(self) -> None:
        """Only pictures of which there is a prediction of the network are compared, on the same pixels."""
        project = self._project()
        self._comparisons += 1
        opened = _OpenComparison(self._comparisons, {})
        commands = []
        records = [r for r in project.pictures.labelled(Split.VAL) if r.width and r.height]
        for record in records[:: max(1, -(-len(records) // MAX_COMPARED))]:
            assert record.width is not None
            assert record.height is not None
            pixels = sample_evenly(
                project.labels.read(record.id, record.width, record.height), COMPARED_PIXELS
            )
            try:
                mask = read_prediction(project.prediction_path(record.id))
                mask = mask.remapped(run_class_mapping(project, mask.run_id))
            except (MaskloopError, KeyError):
                continue
            if mask.values.shape == (record.height, record.width):
                x, y = pixels.points.T
                opened.waiting[record.id] = pixels.values, mask.values[y, x]
                path = project.picture_path(record.path)
                commands.append(ScoreCommand(opened.number, record.id, path, PackedPixels.pack(pixels)))
        self._comparison = opened
        for command in commands:
            self._send(command)

    def _scored(self, event: LiveScored) -> None:
        opened = self._comparison
        if opened is None or event.number != opened.number or event.picture_id not in opened.waiting:
            return
        labels, network = opened.waiting.pop(event.picture_id)
        live = np.frombuffer(event.predicted, np.uint8)
        if len(live) == len(labels):
            opened.labels.append(labels)
            opened.network.append(network)
            opened.live.append(live)
        if not opened.waiting:
            self._comparison = None
            self.comparison = compare(opened.labels, opened.live, opened.network)

    def _project(self) -> Project:
        assert self._lane is not None
        return self._lane.project

    # The process ----------------------------------------------------------------------------------

    def _send(self, command: LiveCommand) -> None:
        process = self._ensure_process()
        if process is None:
            return
        try:
            process.send(command)
        except (OSError, ValueError):
            self._end_process()

    def _ensure_process(self) -> JsonProcess | None:
        """The running process; None where it cannot be started or ended too often."""
        if self._process is not None and self._process.has_exited:
            self._end_process()
        if self._process is None and self._starts < MAX_STARTS and self._on_answer is not None:
            self._starts += 1
            self._has_learnt = False
            try:
                self._process = JsonProcess(MODULE, on_line=self._on_line)
            except OSError as error:
                log.warning("live prediction cannot be started: %s", error)
        return self._process

    def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.reap(1.0)

    def _on_line(self, _process: JsonProcess, line: str) -> None:
        """A thread of the process."""
        try:
            event = decode_live_event(line)
        except ValueError:
            log.warning("live prediction wrote a line that is not an event: %s", line[:200])
            return
        match event:
            case LiveReady():
                self._deliver_mask(event)
            case LiveImpossible():
                problem = "Paint a stroke of a second class to get a live prediction."
                self._deliver(event.number, LiveAnswer(event.picture_id, None, problem=problem))
            case LiveScored():
                if self._lane is not None:
                    self._lane.submit(self._scored, event)
            case LiveFailed():
                self._deliver(event.number, LiveAnswer(event.picture_id, None, problem=event.message))

    def _deliver_mask(self, event: LiveReady) -> None:
        if event.number != self._number:
            return
        try:
            mask = read_answer(self._folder / f"{event.picture_id}.npy")
        except ImageError as error:
            log.warning("%s", error)
            return
        self._deliver(event.number, LiveAnswer(event.picture_id, mask, event.refined))

    def _deliver(self, number: int, answer: LiveAnswer) -> None:
        with self._lock:
            on_answer = self._on_answer if number == self._number else None
        if on_answer is not None:
            on_answer(answer)
