"""The writer lock against real processes; only the missing file locks of a share are simulated."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.base.errors import ProjectLockedError, ProjectTakenOverError
from core.project.locks import writer_lock
from core.project.locks.lock_holder import SILENCE_SECONDS, LockHolder, read_holder
from core.project.locks.process_identity import ProcessIdentity, own_identity
from core.project.locks.writer_lock import LOCK_FILE, NOTE_FILE, WriterLock, is_being_written
from core.project.project import Project
from tests.factories import picture_folder

ROOT = Path(__file__).resolve().parents[4]
LONG_AGO = 10 * SILENCE_SECONDS
HOLD = """
import sys
from pathlib import Path
from core.project.locks import writer_lock
def no_locks(descriptor, *, blocking=True):
    raise OSError(37, "No locks available")
if sys.argv[2] == "no locks":
    writer_lock.lock_descriptor = no_locks
lock = writer_lock.WriterLock(Path(sys.argv[1]), "a child")
print("held", flush=True)
sys.stdin.read()
lock.release()
"""


def no_locks(_descriptor: int, *, blocking: bool = True) -> bool:
    raise OSError(errno.ENOLCK, "No locks available")


@pytest.fixture
def share(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder whose file system refuses every file lock."""
    monkeypatch.setattr(writer_lock, "lock_descriptor", no_locks)
    return tmp_path


def start_holder(home: Path, *, locks: bool = True) -> subprocess.Popen[str]:
    """A process that holds the lock of `home` until its input ends."""
    words = [sys.executable, "-c", HOLD, str(home), "locks" if locks else "no locks"]
    child = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None and child.stdout.readline() == "held\n"
    return child


def end(child: subprocess.Popen[str], *, kill: bool) -> None:
    if kill:
        child.kill()
    child.communicate()


@pytest.fixture(params=[True, False], ids=["file locks", "no file locks"])
def holder(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock of tmp_path, with file locks and without."""
    if not request.param:
        monkeypatch.setattr(writer_lock, "lock_descriptor", no_locks)
    child = start_holder(tmp_path, locks=request.param)
    yield child
    if child.poll() is None:
        end(child, kill=True)


def leave_note(home: Path, silent: float, *, by_note: bool = False, **identity: object) -> LockHolder:
    """The note of a program, last touched `silent` seconds ago; `identity` says how it differs from this process."""
    who = replace(own_identity(), **identity)  # type: ignore[arg-type]
    left = LockHolder("the Maskloop window", "attic", who, by_note=by_note)
    (home / NOTE_FILE).write_text(left.to_json())
    age(home, silent)
    return left


def age(home: Path, silent: float) -> None:
    then = time.time() - silent
    os.utime(home / NOTE_FILE, (then, then))


ELSEWHERE = {"machine": "another", "boot": "another"}


def test_running_holder_is_named_and_cannot_be_taken_over(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    for take_over in (False, True):
        with pytest.raises(ProjectLockedError) as refused:
            WriterLock(tmp_path, "a test", take_over=take_over)
        assert f"a child (process {holder.pid} on {socket.gethostname()}" in str(refused.value)
        assert "Close it there" in str(refused.value)
        assert not refused.value.can_take_over
    age(tmp_path, LONG_AGO)  # however long it has been silent: it runs
    with pytest.raises(ProjectLockedError, match="a child"):
        WriterLock(tmp_path, "a test", take_over=True)
    assert is_being_written(tmp_path)


def test_killed_holder_is_replaced_at_once(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    end(holder, kill=True)
    assert (tmp_path / NOTE_FILE).exists()
    assert not is_being_written(tmp_path)
    lock = WriterLock(tmp_path, "a test")
    # Where files can be locked, a crash leaves nothing that anybody has to know about.
    assert (lock.notice is not None) == lock.is_note_alone
    if lock.notice:
        assert f"process {holder.pid}" in lock.notice and "has ended" in lock.notice
    lock.release()


def test_closed_holder_leaves_no_note(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    end(holder, kill=False)
    assert not (tmp_path / NOTE_FILE).exists()
    lock = WriterLock(tmp_path, "a test")
    assert lock.notice is None
    lock.release()
    lock.release()


def test_left_over_lock_file_alone_locks_nobody_out(share: Path) -> None:
    (share / LOCK_FILE).write_text("left by a program that could lock files")
    WriterLock(share, "a test").release()


def test_note_from_before_a_restart_of_this_computer(share: Path) -> None:
    leave_note(share, 0, by_note=True, boot="an earlier start")
    lock = WriterLock(share, "a test")
    assert lock.notice is not None and "has ended" in lock.notice
    lock.release()


def test_number_of_an_ended_process_that_another_one_has_now(share: Path) -> None:
    leave_note(share, 0, by_note=True, started=1)
    WriterLock(share, "a test").release()


@pytest.mark.parametrize("identity", [ELSEWHERE, {"namespace": "a container"}, {"machine": "", "boot": ""}])
def test_holder_elsewhere_is_the_persons_decision(share: Path, identity: dict[str, object]) -> None:
    leave_note(share, 5, by_note=True, **identity)
    for take_over in (False, True):  # it gave a sign of life just now, whatever the person says
        with pytest.raises(ProjectLockedError, match="on attic") as refused:
            WriterLock(share, "a test", take_over=take_over)
        assert not refused.value.can_take_over and "in a minute" in str(refused.value)
    age(share, LONG_AGO)
    with pytest.raises(ProjectLockedError, match="no sign of life for 10 minutes") as refused:
        WriterLock(share, "a test")
    assert refused.value.can_take_over
    lock = WriterLock(share, "a test", take_over=True)
    assert lock.notice is not None and "on attic" in lock.notice
    lock.release()


def test_own_file_lock_does_not_outweigh_a_sign_of_life_elsewhere(tmp_path: Path) -> None:
    """On some shares a lock is known to one computer alone."""
    leave_note(tmp_path, 5, **ELSEWHERE)
    with pytest.raises(ProjectLockedError, match="on attic"):
        WriterLock(tmp_path, "a test")
    age(tmp_path, LONG_AGO)
    lock = WriterLock(tmp_path, "a test")
    assert lock.notice is not None and "no sign of life for 10 minutes" in lock.notice
    lock.release()


def test_holder_without_file_locks_is_respected_where_there_are_some(tmp_path: Path) -> None:
    child = start_holder(tmp_path, locks=False)
    try:
        with pytest.raises(ProjectLockedError, match="a child"):
            WriterLock(tmp_path, "a test", take_over=True)
    finally:
        end(child, kill=True)
    WriterLock(tmp_path, "a test").release()


def test_lock_that_a_server_keeps_for_a_lost_computer(tmp_path: Path) -> None:
    child = start_holder(tmp_path)
    try:
        leave_note(tmp_path, LONG_AGO, **ELSEWHERE)
        with pytest.raises(ProjectLockedError) as refused:
            WriterLock(tmp_path, "a test")
        assert refused.value.can_take_over
        lock = WriterLock(tmp_path, "a test", take_over=True)
        with pytest.raises(ProjectLockedError, match="a test"):  # the new lock file is locked as well
            WriterLock(tmp_path, "a third", take_over=True)
        lock.release()
        assert sorted(p.name for p in tmp_path.iterdir()) == [LOCK_FILE]
    finally:
        end(child, kill=True)


def test_note_cut_off_by_a_crash(share: Path) -> None:
    (share / NOTE_FILE).write_text('{"purpose": "the Mask')
    with pytest.raises(ProjectLockedError) as refused:
        WriterLock(share, "a test", take_over=True)
    assert not refused.value.can_take_over
    age(share, LONG_AGO)
    with pytest.raises(ProjectLockedError) as refused:
        WriterLock(share, "a test")
    assert refused.value.can_take_over
    WriterLock(share, "a test", take_over=True).release()


def test_note_of_an_earlier_version(tmp_path: Path) -> None:
    note = {"purpose": "x", "process": 4, "host": "attic", "since": "2026-11-01T10:00:00+00:00"}
    (tmp_path / NOTE_FILE).write_text(json.dumps(note))
    WriterLock(tmp_path, "a test").release()


@pytest.mark.parametrize(
    "text",
    ["[" * 4000, "[]", "null", '{"process": {}}', '{"purpose": 1, "process": 1, "host": "x"}', "\0" * 9000],
)
def test_note_that_a_stranger_wrote(tmp_path: Path, text: str) -> None:
    (tmp_path / NOTE_FILE).write_text(text)
    assert not is_being_written(tmp_path)
    WriterLock(tmp_path, "a test").release()


def test_words_of_a_note_are_short_and_printable(tmp_path: Path) -> None:
    left = LockHolder("a\nb\x1b[31m" + "c" * 500, "attic", ProcessIdentity(1))
    (tmp_path / NOTE_FILE).write_text(left.to_json())
    read = read_holder(tmp_path / NOTE_FILE)
    assert read is not None and len(read.purpose) <= 80 and read.purpose.isprintable()


def test_former_holder_stores_nothing_more(share: Path) -> None:
    """The person said that the other program is gone, and was wrong."""
    picture_folder(share)
    with Project.open(share) as first:
        first.set_fact("a", "1")
        home = first.home
        leave_note(home, LONG_AGO, by_note=True, **ELSEWHERE)  # as the other computer sees it
        second = WriterLock(home, "a test", take_over=True)
        assert first._lock is not None
        first._lock.beat()
        with pytest.raises(ProjectTakenOverError, match="a test"):
            first.set_fact("a", "2")
        assert first.fact("a") == "1"
        first.close()
        assert read_holder(home / NOTE_FILE) is not None  # the note is the other one's
        second.release()


def test_heartbeat_touches_the_note_and_writes_it_again_when_deleted(tmp_path: Path) -> None:
    lock = WriterLock(tmp_path, "a test")
    age(tmp_path, LONG_AGO)
    lock.beat()
    assert time.time() - (tmp_path / NOTE_FILE).stat().st_mtime < LONG_AGO / 2
    (tmp_path / NOTE_FILE).unlink()
    lock.beat()
    lock.check()
    found = read_holder(tmp_path / NOTE_FILE)
    assert found is not None and found.purpose == "a test"
    lock.release()
    assert not (tmp_path / NOTE_FILE).exists()


def test_link_in_the_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("text")
    home = tmp_path / "home"
    home.mkdir()
    (home / NOTE_FILE).symlink_to(target)
    WriterLock(home, "a test").release()
    (home / LOCK_FILE).unlink()
    (home / LOCK_FILE).symlink_to(target)
    with pytest.raises(OSError):
        WriterLock(home, "a test")
    assert target.read_text() == "text"
