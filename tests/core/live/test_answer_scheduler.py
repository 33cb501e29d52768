"""The live prediction process from inside: what is forgotten is gone before the next answer, and unreadable folders."""

from __future__ import annotations

import queue
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
from PIL import Image

from core.labels.prediction import PredictedMask
from core.live.answer_file import answer_path, read_answer, write_answer
from core.live.labelled_pixels import NO_PIXELS, sample_labelled_pixels
from core.live.live_messages import (
    ForgetCommand,
    LearnCommand,
    LiveCommand,
    LiveEvent,
    LiveFailed,
    LiveImpossible,
    LiveReady,
    LiveScored,
    PackedPixels,
    ScoreCommand,
    ShowCommand,
)
from core.live.live_worker import AnswerScheduler
from tests.factories import picture, truth


def saved(folder: Path) -> tuple[Path, Path]:
    for number in range(2):
        Image.fromarray(picture(seed=number)).save(folder / f"{number}.png")
    return folder / "0.png", folder / "1.png"


def test_forgotten_pictures_do_not_answer_what_was_asked_after_them(tmp_path: Path) -> None:
    first, second = saved(tmp_path)
    blank, pixels = PackedPixels.pack(NO_PIXELS), PackedPixels.pack(sample_labelled_pixels(truth()))
    inbox: queue.SimpleQueue[LiveCommand | None] = queue.SimpleQueue()
    events: list[LiveEvent] = []
    then = [[ForgetCommand(), ShowCommand(2, 1, first, tmp_path, blank)], [None]]

    def emit(event: LiveEvent) -> None:
        events.append(event)
        for command in then.pop(0):
            inbox.put(command)

    inbox.put(LearnCommand(2, second, pixels))
    inbox.put(ShowCommand(1, 1, first, tmp_path, blank))
    AnswerScheduler(inbox, emit).run()
    ready, impossible = events
    # Nothing is said to be impossible while a picture waits to be learnt.
    assert isinstance(ready, LiveReady)
    assert (ready.number, ready.classes, ready.size) == (1, (1, 2), (96, 64))
    assert (read_answer(answer_path(tmp_path, ready.serial), ready.size).values == truth()).mean() > 0.9
    assert impossible == LiveImpossible(2, 1)


class ScriptedInbox:
    """Commands as they arrive; `queue.Empty` stands for a moment without any."""

    def __init__(self, *script: LiveCommand | type[queue.Empty] | None) -> None:
        self._script = list(script)

    def get(self, *, block: bool = True) -> LiveCommand | None:
        assert self._script, "waits for a command after the end of the input"
        found = self._script.pop(0)
        if found is queue.Empty:
            raise queue.Empty
        return cast("LiveCommand | None", found)


def test_the_process_ends_when_its_input_ends_during_an_answer(tmp_path: Path) -> None:
    first, _ = saved(tmp_path)
    pixels = PackedPixels.pack(sample_labelled_pixels(truth()))
    inbox = ScriptedInbox(ShowCommand(1, 1, first, tmp_path, pixels), queue.Empty, None)
    events: list[LiveEvent] = []
    AnswerScheduler(cast("queue.SimpleQueue[LiveCommand | None]", inbox), events.append).run()
    assert events == []


class PatientInbox(ScriptedInbox):
    """Its input ends when the events say so."""

    def __init__(self, is_done: Callable[[], bool], *script: LiveCommand | type[queue.Empty] | None) -> None:
        super().__init__(*script)
        self._is_done = is_done

    def get(self, *, block: bool = True) -> LiveCommand | None:
        if self._script:
            return super().get(block=block)
        if self._is_done():
            return None
        raise queue.Empty


def test_a_stroke_goes_before_a_comparison_that_is_under_way(tmp_path: Path) -> None:
    first, second = saved(tmp_path)
    pixels = PackedPixels.pack(sample_labelled_pixels(truth()))
    events: list[LiveEvent] = []
    inbox = PatientInbox(
        lambda: any(isinstance(event, LiveScored) for event in events),
        LearnCommand(2, second, pixels),
        ScoreCommand(7, 1, first, pixels),
        queue.Empty,
        queue.Empty,  # the comparison begins
        ShowCommand(1, 1, first, tmp_path, pixels),
    )
    AnswerScheduler(cast("queue.SimpleQueue[LiveCommand | None]", inbox), events.append).run()
    assert [type(event) for event in events] == [LiveReady, LiveReady, LiveScored]
    scored = events[-1]
    assert isinstance(scored, LiveScored)
    assert len(scored.predicted) == len(pixels.values)


def test_an_answer_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    first, _ = saved(tmp_path)
    inbox: queue.SimpleQueue[LiveCommand | None] = queue.SimpleQueue()
    events: list[LiveEvent] = []

    def emit(event: LiveEvent) -> None:
        events.append(event)
        inbox.put(None)

    pixels = PackedPixels.pack(sample_labelled_pixels(truth()))
    inbox.put(ShowCommand(1, 1, first, tmp_path / "missing", pixels))
    AnswerScheduler(inbox, emit).run()
    [failed] = events
    assert isinstance(failed, LiveFailed)
    assert "could not be written" in failed.message


def test_a_coarse_answer_is_scaled_to_the_picture(tmp_path: Path) -> None:
    values = np.array([[1, 2], [3, 4]], np.uint8)
    write_answer(tmp_path / "1.npy", PredictedMask(values, values * 10))
    mask = read_answer(tmp_path / "1.npy", (4, 6))
    np.testing.assert_array_equal(mask.values, np.kron(values, np.ones((3, 2), np.uint8)))
    np.testing.assert_array_equal(mask.confidence, mask.values * 10)
    np.testing.assert_array_equal(read_answer(tmp_path / "1.npy", (2, 2)).values, values)
