"""Live prediction of the picture on screen, in a process of its own that answers each stroke. Does not import torch."""

from __future__ import annotations

import contextlib
import logging
import shutil
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import msgspec
import numpy as np

from core.base.errors import ImageError, MaskloopError
from core.base.json_process import JsonProcess
from core.labels.label_map import LabelSnapshot, Values
from core.labels.prediction import PredictedMask, read_prediction
from core.live.answer_file import answer_path, read_answer
from core.live.head_comparison import HeadComparison, compare
from core.live.labelled_pixels import (
    MAX_PICTURE_PIXELS,
    NO_PIXELS,
    LabelledPixels,
    sample_evenly,
    sample_labelled_pixels,
)
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
MAX_CRASHES = 3
"""A process that ended by itself so often is no longer started."""
MAX_COMPARED, COMPARED_PIXELS = 24, 2000
"""Validation pictures, and labelled pixels of each, on which the live head is compared with the trained network."""
MAX_LEARNT = 60
"""Labelled pictures that the first answer of a session learns from, evenly spread over all."""
SECOND_CLASS = "Paint a stroke of a second class to get a live prediction."
CRASHED = "Live prediction ended unexpectedly several times. Switch it off and on to try again."


@dataclass(frozen=True, slots=True)
class LiveAnswer:
    """mask: the prediction, None with `problem`, a sentence why there is none; refined: no better one follows.

    number: of the request; classes: values that may be in the mask
    """

    number: int
    picture_id: int
    mask: PredictedMask | None
    refined: bool = True
    problem: str = ""
    classes: tuple[int, ...] = ()


@dataclass(slots=True)
class _OpenComparison:
    """Pictures to ask about, and the label and network values of those whose live values are waited for; lists as
    `core.live.head_comparison.compare` takes them."""

    number: int
    to_ask: deque[PictureRecord]
    waiting: dict[int, tuple[Values, Values]] = field(default_factory=dict)
    labels: list[Values] = field(default_factory=list)
    live: list[Values] = field(default_factory=list)
    network: list[Values] = field(default_factory=list)


class LivePredictionService:
    """Called from the GUI thread; the work is done on the live lane, which is the only one that uses the process.

    Answers are given to the function passed to `start`, on a thread of their own. A newer request, or a change of the
    classes, may come before the receiver acts on one: it asks `is_newest` on the GUI thread.
    """

    def __init__(self, project: Project) -> None:
        self._home = project.home
        self._lock = threading.Lock()
        self._lane: ReadLane | None = None
        self._on_answer: Callable[[LiveAnswer], object] | None = None
        self._number = 0
        self._settled = 0
        """The newest request to which no further answer comes."""
        self.comparison: HeadComparison | None = None
        """The newest; None until both were measured."""
        # Of the live lane.
        self._process: JsonProcess | None = None
        self._folder = Path()
        self._crashes = 0
        self._request: ShowCommand | None = None
        self._to_learn: deque[int] | None = None
        """Pictures that wait; None while the process has learnt nothing."""
        self._comparison: _OpenComparison | None = None
        self._comparisons = 0

    # GUI thread -----------------------------------------------------------------------------------

    def start(self, on_answer: Callable[[LiveAnswer], object]) -> None:
        """Take requests from now on. The process starts with the first label, which it needs to answer anything."""
        with self._lock:
            self._on_answer = on_answer
            self._lane = self._lane or ReadLane("live", self._home)
            self._crashes = 0

    def stop(self) -> None:
        """End the process and free its memory; `start` may be called again."""
        self.cancel()
        with self._lock:
            self._on_answer = None
        self._post(self._end_process)

    def predict(self, picture_id: int, labels: LabelSnapshot) -> None:
        """Answer to the label of the picture on screen as it is now. A later request takes the place of this one."""
        with self._lock:
            self._number += 1
            number = self._number
        self._post_if_on(partial(self._predict, number, picture_id, labels))

    def cancel(self) -> None:
        """No answer to a request so far is the newest: another picture, or other content of the same, is shown."""
        with self._lock:
            self._number += 1

    def is_newest(self, answer: LiveAnswer) -> bool:
        """Whether nothing was requested, cancelled or forgotten since this answer was requested."""
        return answer.number == self._number

    def learn(self, picture_ids: Sequence[int]) -> None:
        """Labels or files of these pictures have changed: learn them for the others, as far as they can be."""
        self._post_if_on(partial(self._learn, tuple(picture_ids)))

    def compare(self) -> None:
        """Measure live head and network on the validation pictures; `comparison` is the result, a while later."""
        self._post_if_on(self._compare)

    def forget(self) -> None:
        """The classes have changed: learn all pictures again."""
        self.comparison = None
        self.cancel()
        self._post_if_on(self._forget)

    def close(self) -> None:
        """End process and lane; no answer comes afterwards. May be called twice."""
        self.cancel()
        with self._lock:
            self._on_answer = None
            lane, self._lane = self._lane, None
        if lane is not None:
            if (process := self._process) is not None:
                process.kill()  # the lane may be waiting for it to read
            lane.close()
            self._end_process()  # nobody else uses it any more

    # Any thread -----------------------------------------------------------------------------------

    def _post_if_on(self, work: Callable[[], object]) -> None:
        if self._on_answer is not None:
            self._post(work)

    def _post(self, work: Callable[[], object]) -> None:
        """Live lane, behind what waits: long work does one picture at a time, so that a stroke is next but one."""
        with self._lock, contextlib.suppress(RuntimeError):
            if self._lane is not None:
                self._lane.submit(work)

    def _deliver(self, answer: LiveAnswer) -> None:
        with self._lock:
            on_answer = self._on_answer if answer.number == self._number else None
            if on_answer is not None and answer.refined:
                self._settled = answer.number
        if on_answer is not None:
            on_answer(answer)

    # Live lane ------------------------------------------------------------------------------------

    def _predict(self, number: int, picture_id: int, labels: LabelSnapshot) -> None:
        if number != self._number:
            return
        try:
            self._request = self._command(number, picture_id, labels)
            self._ask(self._request)
        except KeyError:
            log.warning("not predicted: picture %s is not in the list any more", picture_id)
        except MaskloopError as error:
            self._deliver(LiveAnswer(number, picture_id, None, problem=str(error)))

    def _command(self, number: int, picture_id: int, labels: LabelSnapshot) -> ShowCommand:
        width, height = labels.size
        if width * height > MAX_PICTURE_PIXELS:
            raise ImageError(
                f"Pictures of more than {MAX_PICTURE_PIXELS // 10**6} megapixels get no live prediction. Train instead."
            )
        project = self._project()
        path = project.picture_path(project.pictures.get(picture_id).path)
        pixels = self._known(sample_labelled_pixels(labels.copy()))
        return ShowCommand(number, picture_id, path, self._folder, PackedPixels.pack(pixels))

    def _ask(self, command: ShowCommand) -> None:
        """Raises MaskloopError when there is no process to ask."""
        if self._process is not None and self._process.has_exited:
            self._bury_process()
        if self._to_learn is None:
            first = self._first_pictures(command.picture_id)
            if not (first or command.pixels.values):
                self._deliver(LiveAnswer(command.number, command.picture_id, None))
                return
            self._start_process()
            self._to_learn = deque(first)
            self._post(self._learn_next)
        self._send(msgspec.structs.replace(command, folder=self._folder))

    def _first_pictures(self, shown: int) -> tuple[int, ...]:
        records = [r for r in self._project().pictures.labelled() if _may_teach(r) and r.id != shown]
        return tuple(record.id for record in records[:: max(1, -(-len(records) // MAX_LEARNT))])

    def _known(self, pixels: LabelledPixels) -> LabelledPixels:
        """Without those of classes that are gone: the label on screen may not have been read again yet."""
        return pixels.of_classes(self._project().classes.read().values)

    def _learn(self, picture_ids: tuple[int, ...]) -> None:
        if self._to_learn is None:
            return  # the first request learns what there is then
        waits = bool(self._to_learn)
        self._to_learn.extend(i for i in picture_ids if i not in self._to_learn)
        if not waits:
            self._learn_next()

    def _learn_next(self) -> None:
        if not self._to_learn or self._lane is None:
            return
        picture_id = self._to_learn.popleft()
        try:
            self._send(self._lesson(picture_id))
        except (MaskloopError, KeyError) as error:
            log.warning("not learnt for live prediction: picture %s (%s)", picture_id, error)
        if self._to_learn:
            self._post(self._learn_next)

    def _lesson(self, picture_id: int) -> LearnCommand:
        """The labelled pixels of a picture; none for one that must not teach."""
        project = self._project()
        record = project.pictures.get(picture_id)
        pixels = NO_PIXELS
        if _may_teach(record):
            pixels = self._known(sample_labelled_pixels(_label(project, record)))
        path = project.picture_path(record.path) if len(pixels.values) else Path(record.path)
        return LearnCommand(picture_id, path, PackedPixels.pack(pixels))

    def _forget(self) -> None:
        self._to_learn = self._request = self._comparison = None
        self._send(ForgetCommand())

    def _project(self) -> Project:
        """Raises ProjectError."""
        lane = self._lane
        if lane is None:
            raise MaskloopError("The project is being closed.")
        return lane.project

    # Comparison with the network, on the live lane -------------------------------------------------

    def _compare(self) -> None:
        """Only pictures of which there is a prediction of the network are compared, on the same pixels."""
        if self._to_learn is None:
            return  # there is no head
        self._comparisons += 1
        records = [r for r in self._project().pictures.labelled(Split.VAL) if _is_usable(r)]
        chosen = records[:: max(1, -(-len(records) // MAX_COMPARED))]
        self._comparison = _OpenComparison(self._comparisons, deque(chosen))
        self._compare_next(self._comparison)

    def _compare_next(self, opened: _OpenComparison) -> None:
        if opened is not self._comparison:
            return
        if opened.to_ask:
            record = opened.to_ask.popleft()
            try:
                self._send(self._question(opened, record))
            except (MaskloopError, KeyError) as error:
                log.info("not compared: %s (%s)", record.path, error)
            self._post(partial(self._compare_next, opened))
        elif not opened.waiting:
            self._comparison = None
            self.comparison = compare(opened.labels, opened.live, opened.network)

    def _question(self, opened: _OpenComparison, record: PictureRecord) -> ScoreCommand:
        project = self._project()
        mask = read_prediction(project.prediction_path(record.id))
        mask = mask.remapped(run_class_mapping(project, mask.run_id))
        label = _label(project, record)
        if mask.values.shape != label.shape:
            raise ImageError(f"The prediction of {record.path} has another size than its label.")
        path = project.picture_path(record.path)
        pixels = sample_evenly(label, COMPARED_PIXELS)
        x, y = pixels.points.T
        opened.waiting[record.id] = pixels.values, mask.values[y, x]
        return ScoreCommand(opened.number, record.id, path, PackedPixels.pack(pixels))

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
        if not opened.to_ask:
            self._compare_next(opened)

    # The process, on the live lane -------------------------------------------------------------------

    def _send(self, command: LiveCommand) -> None:
        """To the running process, if there is one. What one that has ended would not read is asked again."""
        if self._process is not None:
            with contextlib.suppress(OSError, ValueError):
                self._process.send(command)

    def _start_process(self) -> None:
        """Unless it runs. Raises MaskloopError."""
        if self._process is not None:
            return
        if self._crashes >= MAX_CRASHES:
            raise MaskloopError(CRASHED)
        folder: Path | None = None
        try:
            # Not in the project: it may be read-only, or on a slow disk.
            folder = Path(tempfile.mkdtemp(prefix="maskloop-live-"))
            self._process = JsonProcess(
                MODULE,
                on_line=partial(self._on_line, folder),
                on_exit=lambda process: self._post(partial(self._exited, process)),
            )
            self._folder = folder
        except OSError as error:
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
            raise MaskloopError(f"Live prediction could not be started: {error}.") from error

    def _end_process(self) -> None:
        process, self._process = self._process, None
        self._to_learn = self._request = self._comparison = None
        if process is not None:
            process.kill()
            process.reap(1.0)
            shutil.rmtree(self._folder, ignore_errors=True)

    def _bury_process(self) -> None:
        """It has ended without being told to."""
        self._crashes += 1
        if self._process is not None:
            log.warning("live prediction ended: %s", " | ".join(self._process.stderr_tail)[-2000:])
        self._end_process()

    def _exited(self, process: JsonProcess) -> None:
        """Ask a new process what this one has not answered."""
        if process is not self._process:
            return
        request = self._request
        self._bury_process()
        if request is None or request.number != self._number or request.number == self._settled:
            return
        self._request = request
        try:
            self._ask(request)
        except MaskloopError as error:
            self._deliver(LiveAnswer(request.number, request.picture_id, None, problem=str(error)))

    # A thread of the process ---------------------------------------------------------------------------

    def _on_line(self, folder: Path, _process: JsonProcess, line: str) -> None:
        try:
            event = decode_live_event(line)
        except ValueError:
            log.warning("live prediction wrote a line that is not an event: %s", line[:200])
            return
        match event:
            case LiveReady():
                self._deliver_mask(answer_path(folder, event.serial), event)
            case LiveImpossible():
                if not self._to_learn:  # others, which still wait, may show a second class
                    self._deliver(LiveAnswer(event.number, event.picture_id, None, problem=SECOND_CLASS))
            case LiveScored():
                self._post(partial(self._scored, event))
            case LiveFailed():
                self._deliver(LiveAnswer(event.number, event.picture_id, None, problem=event.message))

    def _deliver_mask(self, path: Path, event: LiveReady) -> None:
        answer = LiveAnswer(event.number, event.picture_id, None, event.refined, classes=event.classes)
        try:
            if self.is_newest(answer):
                self._deliver(replace(answer, mask=read_answer(path, event.size)))
        except ImageError as error:
            log.warning("%s", error)
        finally:
            path.unlink(missing_ok=True)


def _is_usable(record: PictureRecord) -> bool:
    """Whether its label belongs to its file, and live prediction takes pictures of its size."""
    pixels = (record.width or 0) * (record.height or 0)
    return 0 < pixels <= MAX_PICTURE_PIXELS and not record.is_replaced


def _may_teach(record: PictureRecord) -> bool:
    # Pictures of val and test are what heads are measured on.
    return record.split in (None, Split.TRAIN) and _is_usable(record)


def _label(project: Project, record: PictureRecord) -> Values:
    assert record.width is not None
    assert record.height is not None
    return project.labels.read(record.id, record.width, record.height)
