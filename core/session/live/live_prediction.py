"""Live prediction of the picture on screen, in a process of its own that answers each stroke. Does not import torch."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from core.base.errors import MaskloopError
from core.labels.label_map import Edit, LabelSnapshot
from core.labels.prediction import PredictedMask
from core.live.answer_file import answer_path, read_answer
from core.live.correction import Correction, find_correction
from core.live.head_comparison import HeadComparison
from core.live.live_messages import (
    ForgetCommand,
    LiveCommand,
    LiveEvent,
    LiveFailed,
    LiveImpossible,
    LiveReady,
    LiveScored,
    LiveSimilar,
    PackedPixels,
    PicturePath,
    PrepareFeaturesCommand,
    ShowCommand,
)
from core.project.project import Project
from core.session.live.head_comparison_run import HeadComparisonRun
from core.session.live.live_answer import (
    CRASHED,
    FIRST_CLASSES,
    PREPARING,
    SECOND_CLASS,
    LiveAnswer,
    LiveRequest,
)
from core.session.live.live_process import LiveProcess
from core.session.live.part_labels import PartLabels
from core.session.live.picture_part import PicturePart
from core.session.live.similar_places import SimilarPlaces, SimilarPlaceSearch
from core.session.live.teaching_pictures import first_pictures, is_usable, known_pixels, learn_command
from core.session.read_lane import ReadLane

log = logging.getLogger(__name__)

MAX_CRASHES = 3
"""A process that ended by itself so often is no longer started."""


class LivePredictionService:
    """Called from the GUI thread; the work is done on the live lane, which is the only one that uses the process.

    Answers are given to the function passed to `start`, on a thread of their own. A newer request, or a change of the
    classes, may come before the receiver acts on one: it asks `is_newest` on the GUI thread.
    """

    def __init__(self, project: Project, hold_training: Callable[[bool], object] = lambda _: None) -> None:
        """hold_training: called with True when somebody waits for an answer, with False when it is there."""
        self._home, self._hold_training = project.home, hold_training
        self._lock = threading.Lock()
        self._lane: ReadLane | None = None
        self._on_answer: Callable[[LiveAnswer], object] | None = None
        self._on_places: Callable[[SimilarPlaces], object] | None = None
        self._number = 0
        self._settled = 0
        """The newest request to which no further answer comes."""
        self.comparison: HeadComparison | None = None
        """The newest; None until both were measured."""
        # Of the live lane.
        self._process: LiveProcess | None = None
        self._is_alone = False
        """Whether the process had no other picture to learn."""
        self._crashes = 0
        self._request: ShowCommand | None = None
        self._to_learn: deque[int] | None = None
        """Pictures that wait; None while the process has learnt nothing."""
        self._comparison: HeadComparisonRun | None = None
        self._comparisons = 0
        self._search = SimilarPlaceSearch()
        self._part: PicturePart | None = None
        self._network: PredictedMask | None = None
        """Of the newest request."""
        self._parts = PartLabels()

    # GUI thread -----------------------------------------------------------------------------------

    def start(
        self,
        on_answer: Callable[[LiveAnswer], object],
        on_places: Callable[[SimilarPlaces], object] | None = None,
    ) -> None:
        """Take requests from now on. The process starts with the first label, which it needs to answer anything.

        on_places: takes what was found like a correction, on a thread of its own too
        """
        with self._lock:
            self._on_answer, self._on_places = on_answer, on_places
            self._lane = self._lane or ReadLane("live", self._home)
            self._crashes = 0

    def stop(self) -> None:
        """End the process and free its memory; `start` may be called again."""
        self.cancel()
        with self._lock:
            self._on_answer = self._on_places = None
        self._post(self._end_process)

    def predict(
        self,
        picture_id: int,
        labels: LabelSnapshot,
        network: PredictedMask | None = None,
        edited: tuple[Edit, PredictedMask] | None = None,
        part: PicturePart | None = None,
    ) -> int:
        """Answer to the label of the picture on screen as it is now. A later request takes the place of this one.

        network: what the trained network says of it, which strokes correct; None: predict without
        edited: what was just painted, and the prediction that was shown before: where that was corrected, places like
        it are searched, unless a part is given: what is visible of a large picture, which alone is predicted.
        Returns the number of the request.
        """
        with self._lock:
            self._number += 1
            asked = LiveRequest(self._number, picture_id, labels, network, edited, part)
        self._hold_training(self._on_answer is not None)
        self._post_if_on(partial(self._predict, asked))
        return asked.number

    def prepare(self, picture_ids: Sequence[int]) -> None:
        """These may be shown next: compute their features when nothing else is to be done."""
        self._post_if_on(partial(self._prepare, tuple(picture_ids)))

    def cancel(self) -> None:
        """No answer to a request so far is the newest: another picture, or other content of the same, is shown."""
        with self._lock:
            self._number += 1

    @property
    def newest_number(self) -> int:
        """Of the newest request."""
        return self._number

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
            self._on_answer = self._on_places = None
            lane, self._lane = self._lane, None
        if lane is not None:
            if (process := self._process) is not None:
                process.kill()  # the lane may be waiting for it to read
            lane.close()
            process, self._process = self._process, None  # nobody else uses it any more
            self._end_process()
            if process is not None:  # its memory takes a fifth of a second to go
                threading.Thread(target=process.end, name="live-end").start()

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
            if answer.mask is None and not answer.is_preparing:
                self._hold_training(False)  # no event of the process will
            on_answer(answer)

    # Live lane ------------------------------------------------------------------------------------

    def _predict(self, asked: LiveRequest) -> None:
        number, picture_id, part = asked.number, asked.picture_id, asked.part
        correction = find_correction(*asked.edited) if asked.edited is not None and part is None else None
        if number != self._number and correction is None:
            return
        try:
            if correction is not None:
                self._start_search(number, picture_id, correction)
            if number == self._number:
                self._network, self._part = asked.network, part
                self._ask(self._command(asked))
                if part is not None:
                    self._post(partial(self._learn_parts, asked, part))
        except KeyError:
            log.warning("not predicted: picture %s is not in the list any more", picture_id)
        except MaskloopError as error:
            self._deliver(LiveAnswer(number, picture_id, None, problem=str(error)))

    def _start_search(self, number: int, picture_id: int, correction: Correction) -> None:
        """Before the stroke is told: the process then still has the head that was wrong."""
        if self._to_learn is not None:
            self._send(self._search.command(self._project(), number, picture_id, correction))

    def _prepare(self, picture_ids: tuple[int, ...]) -> None:
        if self._to_learn is None:
            return
        project, pictures = self._project(), []
        for picture_id in picture_ids:
            with contextlib.suppress(KeyError):
                record = project.pictures.get(picture_id)
                if is_usable(record):
                    pictures.append(PicturePath(picture_id, project.picture_path(record.path)))
                    self._search.requested(picture_id)
        self._send(PrepareFeaturesCommand(tuple(pictures)))

    def _command(self, asked: LiveRequest) -> ShowCommand:
        project, picture_id = self._project(), asked.picture_id
        path = project.picture_path(project.pictures.get(picture_id).path)
        pixels = PackedPixels.pack(known_pixels(project, asked.labelled()))
        return ShowCommand(asked.number, picture_id, path, Path(), pixels)

    def _learn_parts(self, asked: LiveRequest, shown: PicturePart) -> None:
        """After the request was sent: tell what is labelled in the parts of its picture, for other parts."""
        if asked.number != self._number or self._process is None or self._to_learn is None:
            return
        try:
            for command in self._parts.changed(self._project(), shown, asked.labels, self._process.folder):
                self._process.send(command)
        except MaskloopError as error:
            log.warning("parts are not learnt for live prediction (%s)", error)

    def _ask(self, command: ShowCommand) -> None:
        """Raises MaskloopError when there is no process to ask."""
        if self._process is not None and self._process.has_exited:
            self._drop_ended_process()
        if self._to_learn is None:
            first = first_pictures(self._project(), command.picture_id)
            if not (first or command.pixels.values):
                problem = FIRST_CLASSES if len(self._project().classes.read()) > 1 else ""
                self._deliver(LiveAnswer(command.number, command.picture_id, None, problem=problem))
                return
            self._is_alone = not first
            self._start_process()
            self._to_learn = deque(first)
            self._post(self._learn_next)
        process, self._request = self._start_process(), command
        if not process.has_answered:
            self._tell_start(command)
        for each in self._parts.show(command, self._part, self._network, process.folder):
            process.send(each)
        if self._part is None:
            self._search.requested(command.picture_id)

    def _tell_start(self, command: ShowCommand) -> None:
        """The process takes seconds to start. What is missing is told at once, and it starts meanwhile."""
        answer = LiveAnswer(command.number, command.picture_id, None, refined=False, is_preparing=True)
        is_missing = self._is_alone and len(command.pixels.unpack().classes) < 2
        self._deliver(replace(answer, problem=SECOND_CLASS if is_missing else PREPARING))

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
            self._send(learn_command(self._project(), picture_id))
            self._search.requested(picture_id)
        except (MaskloopError, KeyError) as error:
            log.warning("not learnt for live prediction: picture %s (%s)", picture_id, error)
        if self._to_learn:
            self._post(self._learn_next)

    def _forget(self) -> None:
        self._to_learn = self._request = self._comparison = None
        self._search.cancel()
        self._parts.unlearnt()
        self._send(ForgetCommand())

    def _project(self) -> Project:
        """Raises ProjectError."""
        lane = self._lane
        if lane is None:
            raise MaskloopError("The project is being closed.")
        return lane.project

    # Comparison with the network, and places like a correction, on the live lane ---------------------

    def _compare(self) -> None:
        if self._to_learn is None:
            return  # there is no head
        self._comparisons += 1
        self._comparison = HeadComparisonRun(self._comparisons, self._project())
        self._compare_next(self._comparison)

    def _compare_next(self, run: HeadComparisonRun) -> None:
        if run is not self._comparison:
            return
        if run.ask_next(self._project(), self._send):
            self._post(partial(self._compare_next, run))
        elif run.is_done:
            self._comparison, self.comparison = None, run.result

    def _scored(self, event: LiveScored) -> None:
        if self._comparison is not None:
            self._comparison.scored(event)
            if self._comparison.is_done:
                self._compare_next(self._comparison)

    def _found(self, event: LiveSimilar) -> None:
        try:
            found = self._search.found(self._project(), event)
        except MaskloopError as error:
            log.warning("places like a correction are left out: picture %s (%s)", event.picture_id, error)
            return
        with self._lock:
            on_places = self._on_places
        if found is not None and on_places is not None:
            on_places(found)

    # The process, on the live lane -------------------------------------------------------------------

    def _send(self, command: LiveCommand) -> None:
        """To the running process, if there is one."""
        if self._process is not None:
            self._process.send(command)

    def _start_process(self) -> LiveProcess:
        """Unless it runs. Raises MaskloopError."""
        if self._process is None:
            if self._crashes >= MAX_CRASHES:
                raise MaskloopError(CRASHED)
            self._process = LiveProcess(
                self._on_event, on_exit=lambda process: self._post(partial(self._exited, process))
            )
        return self._process

    def _end_process(self) -> None:
        process, self._process = self._process, None
        self._to_learn = self._request = self._comparison = None
        self._search.clear()
        self._parts.clear()
        if process is not None:
            process.end()

    def _drop_ended_process(self) -> None:
        """It has ended without being told to."""
        self._crashes += 1
        if self._process is not None:
            self._process.log_end()
        self._end_process()

    def _exited(self, process: LiveProcess) -> None:
        """Ask a new process what this one has not answered."""
        if process is not self._process:
            return
        request = self._request
        self._drop_ended_process()
        if request is None or request.number != self._number or request.number == self._settled:
            return
        try:
            self._ask(request)
        except MaskloopError as error:
            self._deliver(LiveAnswer(request.number, request.picture_id, None, problem=str(error)))

    # A thread of the process ---------------------------------------------------------------------------

    def _on_event(self, folder: Path, event: LiveEvent) -> None:
        if isinstance(event, LiveReady | LiveImpossible | LiveFailed) and event.number == self._number:
            self._hold_training(False)
        match event:
            case LiveReady():
                self._deliver_mask(answer_path(folder, event.serial), event)
            case LiveImpossible():
                if not self._to_learn:  # others, which still wait, may show a second class
                    self._deliver(LiveAnswer(event.number, self._shown_id(event), None, problem=SECOND_CLASS))
            case LiveScored():
                self._post(partial(self._scored, event))
            case LiveSimilar():
                self._post(partial(self._found, event))
            case LiveFailed():
                self._deliver(LiveAnswer(event.number, self._shown_id(event), None, problem=event.message))

    def _shown_id(self, event: LiveReady | LiveImpossible | LiveFailed) -> int:
        """Of the picture, for an event about a part of it; an event about another part is outdated."""
        part = self._part
        return part.picture_id if part is not None else event.picture_id

    def _deliver_mask(self, path: Path, event: LiveReady) -> None:
        part, network = self._part, self._network
        answer = LiveAnswer(
            event.number, self._shown_id(event), None, event.refined,
            classes=event.classes, has_network=event.has_network, box=part.box if part else None,
        )  # fmt: skip
        try:
            if self.is_newest(answer):
                mask = read_answer(path, event.size)
                self._deliver(replace(answer, mask=part.placed(mask, network) if part else mask))
        except MaskloopError as error:
            log.warning("%s", error)
        finally:
            path.unlink(missing_ok=True)
