"""Keeps an open project in step with the content of its files: finds renamed pictures, and notices replaced ones.

Hashing is done on a lane of low priority, one file at a time, after the first picture is shown; what is stored goes
through the document lane.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import ParamSpec

from core.base.changes import Changes, Notice
from core.base.errors import Cancelled, ImageError, MaskloopError
from core.base.lane import Lane
from core.base.progress import ProgressCallback
from core.base.text import count_of
from core.images.file_age import FileAge, file_age
from core.images.image_reader import read_size
from core.project.content.decisions import (
    LabelDecision,
    MergeChoice,
    keep_label,
    merge_double,
    set_label_aside,
)
from core.project.content.file_content import ObservedContent, observe_file
from core.project.content.joins import MISSING_MARK, JoinRecord, JoinResult, PictureJoins
from core.project.content.picture_contents import ContentChanges, KnownContent, PictureContents
from core.project.project import Project
from core.session.content.content_match import CandidateFile, FolderReport, WantedContent, match_contents
from core.session.content.content_notices import (
    changed_sentence,
    double_sentence,
    joined_sentence,
    replaced_sentence_for_window,
    restored_sentence,
)
from core.session.content.double_preview import DoublePreview, preview_double
from core.session.picture_index import PictureIndex
from core.session.read_lane import ReadLane

P = ParamSpec("P")
CHUNK, JOIN_CHUNK = 200, 25
"""Pictures stored, and joined, in one piece of work of the document lane: a stroke waits no longer than for one."""


@dataclass(frozen=True, slots=True)
class LabelDouble:
    """A missing picture and another one with the same content, both labelled."""

    missing_id: int
    present_id: int


@dataclass(frozen=True, slots=True)
class DecisionResult:
    """done: ids of the pictures in the list that a decision was carried out for; problems: sentences about others."""

    done: tuple[int, ...]
    problems: tuple[str, ...] = ()


class ContentService:
    """Called from any thread; looks at files on its own lane.

    on_changed: gets the ids of pictures whose pixels have changed, on the document lane
    """

    def __init__(
        self,
        project: Project,
        index: PictureIndex,
        document: Lane,
        announce: Callable[[Changes], None],
        on_notice: Callable[[Notice], None],
        on_changed: Callable[[frozenset[int]], None] = lambda _ids: None,
    ) -> None:
        self._project, self._index, self._document = project, index, document
        self._announce, self._on_notice, self._on_changed = announce, on_notice, on_changed
        self._contents, self._joins = PictureContents(project.store), PictureJoins(project.store)
        self._lane = ReadLane("picture files", project.home, low_priority=True)
        self._to_hash: deque[int] = deque()
        self._doubles: dict[int, LabelDouble] = {}  # by the ids of both; replaced as a whole
        self._sizes: dict[int, tuple[int, int]] = {}  # (width, height) of files, as they were seen last
        self._closing = False

    # The folder -------------------------------------------------------------------------------------

    def start(self, on_ages: Callable[[dict[int, FileAge]], object]) -> None:
        """Pass the stored ages on, then hash in the background what has work and was never hashed."""

        def begin(project: Project) -> None:
            stored = PictureContents(project.store)
            on_ages(stored.ages())
            if self._project.is_writing:
                # An earlier version may have listed the files of missing pictures anew.
                self._join(project, self._missing_ids(), ())
            self._find_doubles(project)
            self._to_hash.extend(stored.ids_without_digest())
            self._post(self._hash_next)

        with contextlib.suppress(RuntimeError):  # the session has been closed
            self._lane.read(begin)

    def settle(self, report: FolderReport) -> Future[None]:
        """Join missing pictures with files of their content, list the other new files, and store what is missing.

        Raises RuntimeError once the session is closed.
        """
        return self._lane.read_first(self._settle, report)

    def look_at(self, picture_ids: Sequence[int]) -> Future[None]:
        """The age of these files is another one, or was never stored. Raises RuntimeError once closed."""
        return self._lane.read(self._look_at, list(picture_ids))

    def store(self, observed: Sequence[ObservedContent]) -> ContentChanges:
        """Document lane: store what files were found to hold, and announce what has changed."""
        if not self._project.is_writing:
            return ContentChanges()
        self._sizes |= {each.picture_id: each.size for each in observed if each.size is not None}
        found = self._contents.observe(observed)
        if found.changed:
            for picture_id in found.changed:
                with contextlib.suppress(OSError):
                    self._project.prediction_path(picture_id).unlink(missing_ok=True)
            self._on_changed(found.changed)
            self._announce(Changes(pictures=found.changed, files=found.changed))
            others = found.changed - found.replaced - found.restored - found.touched
            for ids, sentence in (
                (found.replaced, replaced_sentence_for_window),
                (found.restored, restored_sentence),
                (others, changed_sentence),
            ):
                paths = sorted(self._index.get(i).path for i in ids if self._index.has(i))
                if paths:
                    self._on_notice(Notice(sentence(paths)))
        return found

    def close(self) -> None:
        """Stop after the file under way."""
        self._closing = True
        self._lane.close()

    # Decisions of the person ------------------------------------------------------------------------

    def replaced_ids(self) -> list[int]:
        """Ids of the pictures that wait for a decision, in list order."""
        return self._index.replaced_ids()

    def file_size(self, picture_id: int) -> tuple[int, int] | None:
        """(width, height) of a picture's file in pixels, None when it has not been seen; its label may have another."""
        return self._sizes.get(picture_id)

    def decide(
        self,
        picture_ids: Sequence[int],
        decision: LabelDecision,
        progress: ProgressCallback = lambda _done, _all: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Future[DecisionResult]:
        """What becomes of the labels of replaced pictures; one undoable edit each.

        progress: gets the numbers of pictures done and of all, on another thread; cancelled: asked between two
        """
        return self._lane.submit_first(lambda: self._decide(list(picture_ids), decision, progress, cancelled))

    def undo_joins(self, batch: int) -> Future[JoinResult]:
        """Give pictures that were joined with renamed files their old names, and list the files on their own."""
        return self._lane.submit_first(lambda: self._revert_joins(batch, undo=True))

    def redo_joins(self, batch: int) -> Future[JoinResult]:
        """Join them again."""
        return self._lane.submit_first(lambda: self._revert_joins(batch, undo=False))

    def undo_latest_joins(self) -> Future[JoinResult | None]:
        """Undo the newest joins; None when there are none."""

        def undo() -> JoinResult | None:
            batch = self._document.submit(self._joins.latest).result()
            return None if batch is None else self._revert_joins(batch, undo=True)

        return self._lane.submit_first(undo)

    def double_of(self, picture_id: int | None) -> LabelDouble | None:
        """The labels that may be merged of which this picture has one."""
        return None if picture_id is None else self._doubles.get(picture_id)

    def preview_double(self, double: LabelDouble, side: int) -> Future[DoublePreview]:
        """Both labels, for people to compare. The future raises ImageError or ProjectError."""
        return self._lane.read_first(preview_double, double.missing_id, double.present_id, side)

    def merge(self, double: LabelDouble, choice: MergeChoice) -> Future[None]:
        """Make one picture of a double. The future raises ProjectError."""

        def write() -> None:
            self._announce(merge_double(self._project, double.missing_id, double.present_id, choice))
            self._doubles = {i: d for i, d in self._doubles.items() if d != double}

        return self._document.submit(write)

    # Content lane -----------------------------------------------------------------------------------

    def _settle(self, project: Project, report: FolderReport) -> None:
        gone = {i for i, problem in report.problems.items() if problem and MISSING_MARK in problem}
        missing = self._missing_ids() - report.problems.keys() | gone
        made = self._join(project, missing, report.new) if report.new or gone else ()
        joined, taken = {each.picture_id for each in made}, {each.new_path for each in made}
        new = [path for path in report.new if path not in taken]
        for start in range(0, len(new), CHUNK):
            self._document.submit(self._add, new[start : start + CHUNK]).result()
        problems = {i: problem for i, problem in report.problems.items() if i not in joined}
        if problems:
            self._document.submit(self._store_problems, problems).result()
        if missing - joined or self._doubles:
            self._find_doubles(project)

    def _join(self, project: Project, missing: set[int], new: Sequence[str]) -> tuple[JoinRecord, ...]:
        """Join missing pictures with files of their content, as one batch, in steps that hold up no stroke."""
        if not missing:
            return ()
        known = PictureContents(project.store).known(missing)
        files = self._candidates(project, known, new)
        if self._closing:
            raise Cancelled  # not all were looked at: listed as new, they would never be joined
        pairs = match_contents(known, files, PictureJoins(project.store).refused())
        made: tuple[JoinRecord, ...] = ()
        for start in range(0, len(pairs), JOIN_CHUNK):
            batch = made[0].batch if made else None
            joins = self._joins.join
            step = self._document.submit(self._store_joins, joins, pairs[start : start + JOIN_CHUNK], batch)
            made += step.result().joins
        if made:
            self._on_notice(Notice(joined_sentence(made), joins=made[0].batch))
        return made

    def _revert_joins(self, batch: int, *, undo: bool) -> JoinResult:
        change = self._joins.undo if undo else self._joins.redo
        steps = self._document.submit(self._joins.steps, batch, JOIN_CHUNK, undone=not undo).result()
        result = JoinResult(batch, (), Changes())
        for part in steps:
            result += self._document.submit(self._store_joins, change, batch, part).result()
        return result

    def _candidates(
        self, project: Project, missing: Sequence[KnownContent], new: Iterable[str]
    ) -> list[CandidateFile]:
        """New files, and listed ones without any work, that may have the content of a missing picture."""
        wanted = WantedContent.of(missing)
        found = [each for path in new if (each := self._candidate(project, path, wanted)) is not None]
        for listed in PictureContents(project.store).without_work(wanted.sizes):
            each = self._candidate(project, listed.path, wanted)
            if each is not None and each.digest is not None:
                found.append(each)
        return found

    def _candidate(self, project: Project, path: str, wanted: WantedContent) -> CandidateFile | None:
        """None for a file that is gone or may not be read."""
        if self._closing:
            return None
        try:
            file = project.picture_path(path)
            age = file_age(file)
        except (OSError, ImageError):
            return None
        seen = observe_file(0, file, None, lambda: self._closing) if wanted.may_be(age) else None
        return CandidateFile(path, age, seen.digest if seen is not None else None)

    def _look_at(self, project: Project, picture_ids: list[int]) -> None:
        known = self._store_looks(project, picture_ids)
        if any(each.has_work for each in known) and self._missing_ids():
            self._find_doubles(project)

    def _store_looks(self, project: Project, picture_ids: list[int]) -> list[KnownContent]:
        """Look at files and store what they hold. Returns what was known of them."""
        known = PictureContents(project.store).known(picture_ids)
        for start in range(0, len(known), CHUNK):
            chunk = [self._observed(project, each) for each in known[start : start + CHUNK]]
            observed = [each for each in chunk if each is not None]
            if self._closing:
                return []
            if observed:
                self._document.submit(self.store, observed).result()
        return known

    def _observed(self, project: Project, known: KnownContent) -> ObservedContent | None:
        """A look at one file; its content is hashed where something depends on it."""
        if self._closing:
            return None
        try:
            path = project.picture_path(known.path)
            age = file_age(path)
            is_new_age = known.age is not None and not known.age.is_same(age)
            size = None
            if is_new_age or known.new_digest is not None:
                with contextlib.suppress(ImageError):
                    size = read_size(path)
        except (OSError, ImageError):
            return None  # it is missing or may not be read: the watcher says so
        if known.current_digest is None and not known.has_work:
            return ObservedContent(known.id, age, None, size)
        return observe_file(known.id, path, size, lambda: self._closing)

    def _hash_next(self, project: Project) -> None:
        if self._to_hash:
            try:
                self._store_looks(project, [self._to_hash.popleft()])
                if not self._to_hash:
                    self._find_doubles(project)
            finally:  # one that cannot be stored keeps no other from being hashed
                self._post(self._hash_next)

    def _post(self, work: Callable[[Project], None]) -> None:
        """Behind everything that waits, so that one file is hashed at a time."""
        with contextlib.suppress(RuntimeError):
            self._lane.read(work)

    def _find_doubles(self, project: Project) -> None:
        contents = PictureContents(project.store)
        missing = {
            each.id: each.digest
            for each in contents.known(self._missing_ids())
            if each.digest is not None and each.is_labelled
        }
        found = [LabelDouble(*ids) for ids in contents.doubles(missing)] if missing else []
        before, now = self._doubles, {i: d for d in reversed(found) for i in (d.missing_id, d.present_id)}
        self._doubles = now
        fresh = [d for d in found if before.get(d.missing_id) != d]
        for double in fresh[:1]:
            paths = (self._index.get(i).path for i in (double.missing_id, double.present_id))
            self._on_notice(Notice(double_sentence(*paths)))
        changed = frozenset(i for i in before.keys() | now.keys() if before.get(i) != now.get(i))
        if changed:
            self._document.submit(self._announce, Changes(pictures=changed))

    def _missing_ids(self) -> set[int]:
        return {i for i in self._index.ids() if MISSING_MARK in (self._index.get(i).problem or "")}

    def _decide(
        self,
        picture_ids: list[int],
        decision: LabelDecision,
        progress: ProgressCallback,
        cancelled: Callable[[], bool],
    ) -> DecisionResult:
        done: list[int] = []
        problems: list[str] = []
        for number, picture_id in enumerate(picture_ids):
            if self._closing or cancelled():
                break
            progress(number, len(picture_ids))
            record = self._index.get(picture_id)
            try:
                size = read_size(self._project.picture_path(record.path))
                if decision in (LabelDecision.KEEP, LabelDecision.CHECK) and size != (
                    record.width,
                    record.height,
                ):
                    problems.append(
                        f"{record.path} has another size than its label. Scale the label or set it aside."
                    )
                    continue
                done.append(self._document.submit(self._write_decision, picture_id, decision, size).result())
            except MaskloopError as problem:
                problems.append(str(problem))
        return DecisionResult(tuple(done), tuple(problems))

    # Document lane ----------------------------------------------------------------------------------

    def _write_decision(self, picture_id: int, decision: LabelDecision, size: tuple[int, int]) -> int:
        if decision in (LabelDecision.KEEP, LabelDecision.CHECK):
            changes = keep_label(self._project, picture_id, check=decision == LabelDecision.CHECK)
            self._announce(changes | Changes(labels=changes.pictures))
            return picture_id
        scale = decision == LabelDecision.SCALE
        new_id, changes = set_label_aside(self._project, picture_id, size, scale=scale)
        self._announce(changes)
        return new_id

    def _store_joins(self, change: Callable[P, JoinResult], *args: P.args, **kwargs: P.kwargs) -> JoinResult:
        result = change(*args, **kwargs)
        if result.joins:
            self._announce(result.changes)
        return result

    def _add(self, paths: list[str]) -> None:
        added = self._project.pictures.add(paths)
        self._index.extend(added)
        if added:
            self._announce(Changes(picture_list=True))

    def _store_problems(self, problems: dict[int, str | None]) -> None:
        # While this lane is busy the watcher may scan again, and report the same.
        fresh = {i: p for i, p in problems.items() if self._index.has(i) and self._index.get(i).problem != p}
        if not fresh:
            return
        self._announce(self._project.pictures.set_problems(fresh))
        sentences = [sentence for sentence in fresh.values() if sentence]
        if len(sentences) == 1:
            self._on_notice(Notice(sentences[0]))
        elif sentences:
            pictures = count_of(len(sentences), "picture")
            self._on_notice(
                Notice(f"{pictures} are missing. Put them back, under any names; their labels are kept.")
            )
