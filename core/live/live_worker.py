"""The live prediction process (`python -m`): commands from standard input, events to standard output.

A process beside the training, which has a lower priority, so that an answer never waits for a training step. It ends
when its input closes.
"""

from __future__ import annotations

import faulthandler
import os
import queue
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.base.errors import MaskloopError
from core.base.json_worker import reserve_stdout, send_message
from core.labels.prediction import PredictedMask
from core.live.answer_file import answer_path, write_answer
from core.live.live_messages import (
    ForgetCommand,
    LearnCommand,
    LiveCommand,
    LiveEvent,
    LiveFailed,
    LiveImpossible,
    LiveReady,
    LiveScored,
    NetworkCommand,
    PicturePath,
    PrepareFeaturesCommand,
    ScoreCommand,
    SearchCommand,
    ShowCommand,
    decode_live_command,
)

# torch is imported inside functions, while the reading thread already accepts commands.
if TYPE_CHECKING:
    from core.live.correction_search import CorrectionSearch
    from core.live.predictor import LivePredictor


class AnswerScheduler:
    """Answers the newest ShowCommand first, quickly and then well; then comes the search for regions like a correction,
    pictures to learn from, and last the features of pictures that may be shown next.

    Lives on the main thread; only the queue is shared with the reading thread. None in it means that the input ended.
    """

    def __init__(
        self, inbox: queue.SimpleQueue[LiveCommand | None], emit: Callable[[LiveEvent], None]
    ) -> None:
        self._inbox, self._emit = inbox, emit
        self._shown: ShowCommand | None = None
        self._refine: ShowCommand | None = None
        self._newest: ShowCommand | None = None
        self._others: deque[LearnCommand | ScoreCommand] = deque()
        self._network: NetworkCommand | None = None
        self._search: CorrectionSearch | None = None
        self._next_pictures: deque[PicturePath] = deque()
        self._predictor: LivePredictor | None = None
        self._serial = 0
        self._must_forget = self._quit = self._has_learnt = False

    def run(self) -> None:
        while True:
            if not self._quit:  # the end of the input may have come during an answer
                self._poll(wait=not self._has_work)
            if self._quit:
                return
            if self._must_forget:
                self._must_forget = False
                if self._predictor is not None:
                    self._predictor.reservoir.clear()
            if self._shown is not None:
                command, self._shown = self._shown, None
                self._refine = command if self._answer(command, quick=True) else None
            elif self._refine is not None:
                command, self._refine = self._refine, None
                self._answer(command, quick=False)
            elif self._search is not None and self._search.is_under_way:
                self._search_one(self._search)
            elif self._others:
                other = self._others.popleft()
                self._do(other)
                if isinstance(other, LearnCommand) and self._newest is not None:
                    self._has_learnt |= other.picture_id != self._newest.picture_id
                if not self._others and self._has_learnt:
                    self._has_learnt = False
                    self._refine = self._newest  # what was learnt may change what is on screen
            elif self._next_pictures:
                self._prepare(self._next_pictures.popleft())

    @property
    def _has_work(self) -> bool:
        return bool(
            self._shown
            or self._refine
            or self._others
            or self._next_pictures
            or self._must_forget
            or (self._search is not None and self._search.is_under_way)
        )

    def _poll(self, *, wait: bool = False) -> None:
        with suppress(queue.Empty):
            while True:
                command = self._inbox.get(block=wait)
                wait = False
                match command:
                    case None:
                        self._quit = True
                        return
                    case ShowCommand():
                        self._shown = self._newest = command
                        self._refine = None
                    case ForgetCommand():
                        # At once, not after what waits: an answer from classes that are gone would be wrong.
                        self._shown = self._refine = self._newest = self._search = None
                        self._others.clear()
                        self._must_forget = True
                    case NetworkCommand():
                        self._network = command
                    case PrepareFeaturesCommand():
                        self._next_pictures = deque(command.pictures)
                    case SearchCommand():
                        self._search = self._new_search(command)
                    case _:
                        self._others.append(command)

    def _is_outdated(self) -> bool:
        self._poll()
        return self._shown is not None or self._must_forget or self._quit

    def _answer(self, command: ShowCommand, *, quick: bool) -> bool:
        """Whether an answer was given that can be refined."""
        from core.live.linear_head import FitInterruptedError

        try:
            predictor = self._get_predictor()
            pixels = command.pixels.unpack()
            self._use_network(predictor)
            mask = predictor.predict(command.picture_id, command.path, pixels, self._is_outdated, quick=quick)
            if mask is None:
                if not any(isinstance(other, LearnCommand) for other in self._others):
                    self._emit(LiveImpossible(command.number, command.picture_id))
                return False
            self._write(command.folder, mask)
        except FitInterruptedError:
            return False
        except Exception as error:  # reported, and on with the next
            self._fail(command, error)
            return False
        ready = LiveReady(
            command.number,
            command.picture_id,
            self._serial,
            not quick,
            predictor.head[1].classes if predictor.head else (),
            predictor.size,
            predictor.head is not None and predictor.head[1].has_prior,
        )
        self._emit(ready)
        if not quick and self._search is not None and predictor.head is not None:
            picture_id, head = predictor.head
            asked = self._search.command
            if asked.picture_id == picture_id and command.number >= asked.number:
                self._search.begin(predictor, head)
        return True

    def _use_network(self, predictor: LivePredictor) -> None:
        """Take over the newest NetworkCommand. Raises ValueError when it does not fit together."""
        from core.live.network_prior import NetworkPrior

        command, self._network = self._network, None
        if command is None:
            return
        predictor.network = None
        if command.values:
            shape = command.size[::-1]
            values = np.frombuffer(command.values, np.uint8).reshape(shape)
            prior = NetworkPrior(values, np.frombuffer(command.confidence, np.uint8).reshape(shape))
            predictor.network = command.picture_id, prior

    def _new_search(self, command: SearchCommand) -> CorrectionSearch:
        """The head at this moment is the one whose prediction was corrected: the command comes before the stroke's."""
        from core.live.correction_search import CorrectionSearch

        head = self._predictor.head if self._predictor is not None else None
        is_same = head is not None and head[0] == command.picture_id
        return CorrectionSearch(command, head[1] if head is not None and is_same else None)

    def _search_one(self, search: CorrectionSearch) -> None:
        try:
            found = search.search_next(self._get_predictor())
        except Exception:  # one picture fewer, and on with the next
            traceback.print_exc()
            return
        self._emit(found)

    def _prepare(self, picture: PicturePath) -> None:
        try:
            self._get_predictor().features(picture.picture_id, picture.path)
        except MaskloopError:
            pass  # told when it is shown
        except Exception:
            traceback.print_exc()

    def _write(self, folder: Path, mask: PredictedMask) -> None:
        self._serial += 1
        try:
            write_answer(answer_path(folder, self._serial), mask)
        except OSError as error:
            raise MaskloopError(
                f"The live prediction could not be written to {folder} ({error.strerror}). Make room there."
            ) from error

    def _do(self, command: LearnCommand | ScoreCommand) -> None:
        from core.live.linear_head import FitInterruptedError

        try:
            match command:
                case LearnCommand():
                    predictor = self._get_predictor()
                    predictor.learn(command.picture_id, command.path, command.pixels.unpack())
                case ScoreCommand():
                    predictor = self._get_predictor()
                    points = command.pixels.unpack().points
                    values = predictor.predict_points(
                        command.picture_id, command.path, points, self._is_outdated
                    )
                    self._emit(LiveScored(command.number, command.picture_id, values.tobytes()))
        except FitInterruptedError:
            if not self._must_forget:
                self._others.appendleft(command)  # after the stroke
        except Exception as error:  # one picture fewer to learn from
            if isinstance(command, ScoreCommand):
                self._emit(LiveScored(command.number, command.picture_id, b""))
            elif not isinstance(error, MaskloopError):
                traceback.print_exc()

    def _fail(self, command: ShowCommand, error: Exception) -> None:
        if isinstance(error, MaskloopError):
            message = str(error)
        else:
            traceback.print_exc()
            message = f"The live prediction failed ({type(error).__name__}: {error})."
        self._emit(LiveFailed(command.number, command.picture_id, message))

    def _get_predictor(self) -> LivePredictor:
        if self._predictor is None:
            from core.live.predictor import LivePredictor
            from core.training.devices import set_cpu_threads

            set_cpu_threads(None)
            self._predictor = LivePredictor()
        return self._predictor


def _read_commands(inbox: queue.SimpleQueue[LiveCommand | None]) -> None:
    for line in sys.stdin:
        try:
            inbox.put(decode_live_command(line))
        except ValueError:
            print(f"not a command: {line[:200]!r}", file=sys.stderr)  # noqa: T201  (this is the log)
    inbox.put(None)


def main() -> None:
    messages = reserve_stdout()
    faulthandler.enable()
    with suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the program, which then closes our input

    def emit(event: LiveEvent) -> None:
        try:
            send_message(messages, event)
        except OSError:
            os._exit(0)  # nobody reads any more

    inbox: queue.SimpleQueue[LiveCommand | None] = queue.SimpleQueue()
    threading.Thread(target=_read_commands, args=(inbox,), name="commands", daemon=True).start()
    AnswerScheduler(inbox, emit).run()
    sys.stderr.flush()
    os._exit(0)  # without the teardown of torch, which takes a second


if __name__ == "__main__":
    main()
