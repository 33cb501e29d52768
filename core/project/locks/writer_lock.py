"""The writer lock: only one process writes to a project at a time; any number may read.

Two locks together, because no single one works everywhere. `writer.lock` is locked by the operating system, which
releases it when the process crashes; some shared folders have no such locks, or do not pass them on to other computers.
`writer.json` names the holder, who touches it regularly: where files cannot be locked, this note is the lock. See
docs/adr/0022.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path

from filelock import lock_descriptor

from core.base.errors import ProjectLockedError, ProjectTakenOverError
from core.project.locks.lock_holder import (
    HEARTBEAT_SECONDS,
    SILENCE_SECONDS,
    UNKNOWN_HOLDER,
    HolderState,
    LockHolder,
    read_holder,
    silence_text,
)

LOCK_FILE, NOTE_FILE = "writer.lock", "writer.json"
_PROBE_SECONDS = 0.3
_POLL_SECONDS = 0.02


class WriterLock:
    """The lock that is held while a project is open for writing.

    Raises ProjectLockedError, naming the holder, when another process holds it, and OSError when the folder cannot be
    written to. A lock whose holder has ended is taken over; `notice` says so where that was not plain. `take_over`: the
    user says that the holder is gone, so only one that provably runs, or gave a sign of life just now, is respected.
    """

    def __init__(self, home: Path, purpose: str, *, take_over: bool = False) -> None:
        self.notice: str | None = None
        self._home, self._note, self._lock_path = home, home / NOTE_FILE, home / LOCK_FILE
        self._take_over = take_over
        self._is_lost = False
        self._stop = threading.Event()
        self._descriptor, by_note = self._lock_file()
        try:
            self._holder = self._write_note(LockHolder.of_this_process(purpose, by_note=by_note))
        except BaseException:
            os.close(self._descriptor)
            raise
        self._heartbeat = threading.Thread(target=self._beat, name="writer lock", daemon=True)
        self._heartbeat.start()

    @property
    def is_note_alone(self) -> bool:
        """Whether the folder has no file locks."""
        return self._holder.by_note

    def check(self) -> None:
        """Raises ProjectTakenOverError when another program has taken over the lock."""
        if self._is_lost:
            holder = read_holder(self._note)
            who = holder.describe() if holder and holder is not UNKNOWN_HOLDER else "another program"
            raise ProjectTakenOverError(
                f"The project in {self._home} was taken over by {who}, so nothing more is stored from here. Close it "
                "here; then open it again when the other program has closed it."
            )

    def release(self) -> None:
        """Release the lock. May be called twice."""
        if self._stop.is_set():
            return
        self._stop.set()
        self._heartbeat.join()
        with contextlib.suppress(OSError):
            if self._is_ours():
                self._note.unlink(missing_ok=True)
        os.close(self._descriptor)  # which releases the lock of the operating system

    def beat(self) -> None:
        """Give a sign of life, and see whether another program has taken over. Called regularly by a thread."""
        with contextlib.suppress(OSError):  # a full disk, or a share that is away for a moment
            holder = read_holder(self._note)
            if holder is None:  # deleted by hand
                self._create_note(self._holder)
            elif holder.token == self._holder.token:
                os.utime(self._note)
            elif holder is not UNKNOWN_HOLDER:
                self._is_lost = True

    def _beat(self) -> None:
        while not self._stop.wait(HEARTBEAT_SECONDS):
            self.beat()

    def _is_ours(self) -> bool:
        holder = read_holder(self._note)
        return holder is not None and holder.token == self._holder.token

    # The lock of the operating system -----------------------------------------------------------

    def _lock_file(self) -> tuple[int, bool]:
        """The open lock file, and whether its folder has no locks. Raises ProjectLockedError and OSError."""
        deadline = time.monotonic() + _PROBE_SECONDS
        while True:
            descriptor = _open(self._lock_path)
            try:
                is_locked = lock_descriptor(descriptor, blocking=False)
                if is_locked and _is_at(descriptor, self._lock_path):
                    return descriptor, False
            except OSError:
                return descriptor, True
            os.close(descriptor)
            # Not at once: `is_being_written` holds the lock for a moment.
            if time.monotonic() > deadline:
                break
            time.sleep(_POLL_SECONDS)
        holder = read_holder(self._note)
        silent = _silent_seconds(self._note)
        # The system keeps the lock, so a note of a process that has ended is an older one and says nothing.
        is_running = holder is not None and (
            holder.identity.has_ended() is False or silent <= SILENCE_SECONDS
        )
        if is_running or not self._take_over:
            raise self._locked_error(holder or UNKNOWN_HOLDER, silent, can_take_over=not is_running)
        return self._replace_lock_file(), False

    def _replace_lock_file(self) -> int:
        """A new lock file in the place of one that a server keeps locked for a computer that is gone."""
        beside = self._lock_path.with_name(f"{LOCK_FILE}.{os.getpid()}")
        descriptor = _open(beside)
        try:
            lock_descriptor(descriptor, blocking=False)
            beside.replace(self._lock_path)
        except BaseException:
            os.close(descriptor)
            beside.unlink(missing_ok=True)
            raise
        return descriptor

    # The note -----------------------------------------------------------------------------------

    def _write_note(self, ours: LockHolder) -> LockHolder:
        """Put our note in the place of none, or of one whose holder is gone. Raises ProjectLockedError and OSError."""
        for _ in range(3):  # somebody else may be doing the same
            try:
                self._create_note(ours)
            except FileExistsError:
                self._remove_note(by_note=ours.by_note)
            except OSError:
                if ours.by_note:
                    raise
                return ours  # a full disk; the lock of the system is enough
            else:
                return ours
        raise self._locked_error(read_holder(self._note) or UNKNOWN_HOLDER, 0.0, can_take_over=False)

    def _create_note(self, holder: LockHolder) -> None:
        """Raises OSError, without leaving a part of it; FileExistsError when there is one."""
        # A new file, never one that a link leads to.
        descriptor = os.open(self._note, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(holder.to_json())
        except OSError:
            self._note.unlink(missing_ok=True)
            raise

    def _remove_note(self, *, by_note: bool) -> None:
        """Remove the note that is there if its holder is gone. Raises ProjectLockedError."""
        holder, silent = read_holder(self._note), _silent_seconds(self._note)
        if holder is None:
            return
        is_only_lock = by_note or holder.by_note
        state = holder.state(silent)
        if not is_only_lock and (not holder.token or holder.identity.has_ended() is False):
            state = HolderState.ENDED  # whoever it was has released the lock that we hold
        if state == HolderState.RUNNING or (
            state == HolderState.SILENT and is_only_lock and not self._take_over
        ):
            raise self._locked_error(holder, silent, can_take_over=state == HolderState.SILENT)
        # Renamed, not deleted: of two programs that do this at once only one gets it, and can see what it got.
        aside = self._note.with_name(f"{NOTE_FILE}.{os.getpid()}")
        try:
            self._note.replace(aside)
        except FileNotFoundError:
            return
        taken = read_holder(aside)
        if (
            taken is not None and taken.token != holder.token
        ):  # the other one was faster: this is its new note
            with contextlib.suppress(OSError):
                aside.rename(self._note)
            raise self._locked_error(taken, 0.0, can_take_over=False)
        aside.unlink(missing_ok=True)
        if is_only_lock or state == HolderState.SILENT:
            self.notice = (
                f"The project was left locked by {holder.describe()}, which has ended. The lock was removed."
                if state == HolderState.ENDED
                else f"The lock of {holder.describe()} was removed: there was no sign of life for "
                f"{silence_text(silent)}."
            )

    def _locked_error(self, holder: LockHolder, silent: float, *, can_take_over: bool) -> ProjectLockedError:
        who = holder.describe() if holder is not UNKNOWN_HOLDER else "another Maskloop"
        sentence = f"The project in {self._home} is already open for writing: {who}."
        if holder.identity.has_ended() is False:
            sentence += " Close it there, then try again."
        elif can_take_over:
            ago = f" for {silence_text(silent)}" if silent else ""
            sentence += (
                f" It has given no sign of life{ago}; whether it still runs cannot be known from here."
            )
        else:
            sentence += " Close it there, then try again; if it is gone, try again in a minute."
        return ProjectLockedError(sentence, self._home, can_take_over=can_take_over)


def is_being_written(home: Path) -> bool:
    """Whether a process has the project open for writing. Takes its lock for a moment, which a crash releases."""
    note = home / NOTE_FILE
    holder = read_holder(note)
    if holder is not None and holder.by_note:
        return holder.state(_silent_seconds(note)) == HolderState.RUNNING
    if not (home / LOCK_FILE).is_file():
        return False
    try:
        descriptor = os.open(home / LOCK_FILE, os.O_RDWR)
    except OSError:  # a read-only medium: nobody writes there
        return False
    try:
        return not lock_descriptor(descriptor, blocking=False)
    except OSError:  # a folder without locks, and a note that says nothing
        return False
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    """Raises OSError, also for a link."""
    return os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether an open file is still the one with this name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat(follow_symlinks=False))
    except OSError:
        return False


def _silent_seconds(note: Path) -> float:
    """Seconds since the last heartbeat, by the clock of the file system, which may differ from ours on a share."""
    try:
        last = note.stat(follow_symlinks=False).st_mtime
    except OSError:
        return 0.0
    now = time.time()
    with contextlib.suppress(OSError):
        os.utime(note.with_name(LOCK_FILE))
        now = note.with_name(LOCK_FILE).stat().st_mtime
    return max(0.0, now - last)
