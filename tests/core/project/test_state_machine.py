"""State-machine test of the project file: after any edits, undo, redo, reopening and kills it equals a model in memory.

The model keeps whole pictures before and after every edit, without tiles, rows or SQL.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from core.base.errors import ProjectError
from core.base.geometry import Box, Point
from core.labels.class_list import UNLABELLED, VOID, ClassList, LabelClass
from core.labels.label_map import LabelMap, Origin
from core.labels.rasterization import capsule
from core.project.project import HOME_FOLDER, PROJECT_FILE, Project
from core.project.records import Status, UndoNames, UndoResult
from core.project.row_changes import RowChange
from tests.core.project.project_model import ORIGINS, SIZES, Look, Model, placed, without

pictures = st.sampled_from(sorted(SIZES))
chances = st.integers(0, 2**16)
picks = st.integers(0, 20)


@pytest.fixture(scope="module", autouse=True)
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A project with three blank pictures, made once: what is tested is what comes after."""
    folder = tmp_path_factory.mktemp("template")
    with Project.open(folder) as project:
        project.classes.save(ClassList().with_class("grass").with_class("roof"))
        for record, size in zip(
            project.pictures.add(f"p{i}.png" for i in SIZES), SIZES.values(), strict=True
        ):
            project.pictures.set_size(record.id, *size)
    DocumentMachine.template = folder / HOME_FOLDER / PROJECT_FILE
    yield


class DocumentMachine(RuleBasedStateMachine):
    """Every rule does the same to the document and to the model; the invariants compare."""

    template: Path

    @initialize()
    def open(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="maskloop-machine-"))
        self.folder = self.root / "0"
        (self.folder / HOME_FOLDER).mkdir(parents=True)
        shutil.copy(self.template, self.folder / HOME_FOLDER / PROJECT_FILE)
        self.project = Project.open(self.folder)
        self.model = Model(self.project.classes.read())
        self.ever = {1, 2}
        self.runs: list[tuple[int, tuple[int, ...], ClassList]] = []
        self.moves: dict[int, tuple[str, int, int]] = {}
        self.opened = 0

    def teardown(self) -> None:
        if hasattr(self, "project"):
            self.project.close()
            shutil.rmtree(self.root)

    # Pixels ------------------------------------------------------------------------------------

    @rule(picture=pictures, chance=chances, pick=picks)
    def stroke(self, picture: int, chance: int, pick: int) -> None:
        values = (*self.model.classes.values[::-1], UNLABELLED, VOID)
        value = values[pick % len(values)]
        self._paint(picture, chance, value, Origin.PAINTED)

    @rule(picture=pictures, chance=chances, pick=picks)
    def late_stroke(self, picture: int, chance: int, pick: int) -> None:
        """The hand still means a class that may be gone, and saw a label that may be old."""
        value = sorted(self.ever)[pick % len(self.ever)]
        seen = [s.looks[picture][0].values for s in self.model.steps if picture in s.looks]
        self._paint(picture, chance, value, Origin.PAINTED, seen[pick % len(seen)] if seen else None)

    @rule(picture=pictures, chance=chances, origin=st.sampled_from(ORIGINS[2:]))
    def import_or_accept(self, picture: int, chance: int, origin: Origin) -> None:
        """A whole mask fills what nobody has said: coarse patches or noise."""
        width, height = SIZES[picture]
        rng = np.random.default_rng(chance)
        coarse = int(rng.choice([1, 40]))
        shape = (-(-height // coarse), -(-width // coarse))
        mask = rng.choice(np.array([0, VOID, *self.model.classes.values], np.uint8), shape)
        mask = mask.repeat(coarse, 0).repeat(coarse, 1)[:height, :width]
        labels = LabelMap(self.project.labels.read(picture, width, height))
        labels.begin_edit(f"Fill {self.model.made}", "import", 0, origin)
        labels.put_values(Box(0, 0, width, height), mask, labels.values == UNLABELLED)
        self._commit(picture, labels, None)

    def _paint(
        self, picture: int, chance: int, value: int, origin: Origin, seen: np.ndarray | None = None
    ) -> None:
        rng = np.random.default_rng(chance)
        width, height = SIZES[picture]
        labels = LabelMap((self.model.looks[picture].values if seen is None else seen).copy())
        ends = [Point(*rng.uniform(-20, (width + 20, height + 20))) for _ in range(2)]
        box, mask = capsule(ends[0], ends[1], float(rng.choice([3, 40, 200])))
        labels.begin_edit(f"Stroke {self.model.made}", "brush", value, origin)
        labels.paint(box, mask, value)
        self._commit(picture, labels, seen)

    def _commit(self, picture: int, labels: LabelMap, seen: np.ndarray | None) -> None:
        edit = labels.finish_edit()
        if edit is None:
            return
        self.project.journal.commit(picture, edit)
        assert self.project.journal.undo_names(picture) == UndoNames(edit.name, None)
        model, look = self.model, self.model.looks[picture]
        changed = labels.values != (look.values if seen is None else seen)
        step = model.add(picture, edit.name)
        values, who = look.values.copy(), look.who.copy()
        values[changed] = labels.values[changed]
        for value in set(np.unique(values[changed]).tolist()) - {UNLABELLED, VOID, *model.classes.values}:
            values[changed & (labels.values == value)] = model.heir(value)
        who[changed] = np.where(values[changed] == UNLABELLED, 0, ORIGINS.index(edit.origin))
        step.looks[picture] = look, Look(values, who)
        model.looks[picture] = step.looks[picture][1]
        if model.marks[picture]["status"] == "new":
            model.marks[picture]["status"] = "in progress"

    # Backwards and forwards ----------------------------------------------------------------------

    @rule(picture=pictures, back=st.integers(0, 6), forth=st.integers(0, 6))
    def undo_and_redo(self, picture: int, back: int, forth: int) -> None:
        for _ in range(back):
            self._revert(picture, self.project.journal.undo, undone=False)
        for _ in range(forth):
            self._revert(picture, self.project.journal.redo, undone=True)

    @rule(picture=pictures, elsewhere=pictures, chance=chances, pick=picks)
    def undo_and_go_elsewhere(self, picture: int, elsewhere: int, chance: int, pick: int) -> None:
        for _ in range(3):
            self._revert(picture, self.project.journal.undo, undone=False)
        self.stroke(elsewhere, chance, pick)
        for _ in range(3):
            self._revert(picture, self.project.journal.redo, undone=True)

    @rule(picture=pictures)
    def look_back(self, picture: int) -> None:
        """The label as it was after each edit to which a way leads, without going there."""
        mine = [s for s in self.model.steps if s.picture in (picture, None)]
        for aim in mine:
            if aim.undone:
                way = [s for s in mine if s.undone and s.id <= aim.id]
            else:
                way = [s for s in reversed(mine) if not s.undone and s.id > aim.id]
            if any(s.thinned for s in way):
                continue
            then = self.model.looks[picture].values
            for step in way:
                then = step.looks[picture][int(step.undone)].values if picture in step.looks else then
            hand = LabelMap(self.model.looks[picture].values.copy())
            hand.replace_tiles(self.project.journal.changed_tiles_at(picture, aim.id))
            np.testing.assert_array_equal(hand.values, then)

    def _revert(self, picture: int, act: Callable[[int], UndoResult | None], *, undone: bool) -> None:
        step = self.model.next(picture, undone=undone)
        if step is None:
            assert act(picture) is None
            return
        if self.model.refuses(step):
            with pytest.raises(ProjectError, match="cannot be"):
                act(picture)
            return
        hand = LabelMap(self.model.looks[picture].values.copy())
        reverted = act(picture)
        assert reverted is not None
        self.model.swap(step)
        self.model.update_progress({picture, *step.looks})
        assert (reverted.edit.id, reverted.edit.name) == (step.id, step.name)
        hand.replace_tiles(reverted.tiles)
        np.testing.assert_array_equal(hand.values, self.model.looks[picture].values)
        assert set(step.looks) <= reverted.changes.labels <= {*step.looks, picture}
        assert reverted.changes.classes == (step.classes is not None)

    @rule(kept=st.integers(0, 4))
    def thin(self, kept: int) -> None:
        self.project.journal.thin(kept_steps=kept, kept_bytes=0)
        for picture in SIZES:
            mine = [s for s in self.model.steps if s.picture == picture and not s.undone and not s.thinned]
            for step in mine[: max(0, len(mine) - kept)]:
                step.thinned = bool(step.looks)

    # Classes -----------------------------------------------------------------------------------

    @rule(named=st.booleans())
    def add_class(self, named: bool) -> None:
        # Without a name, as an import does it; once something has been edited this is an edit too.
        name = f"Add {self.model.made}" if named or not self.model.steps else None
        self._write(self.model.classes.with_class(f"class {self.model.made}"), name)
        self.ever.add(self.model.classes.values[-1])

    @precondition(lambda self: len(self.model.classes) > 1)
    @rule(chance=chances)
    def rename_and_reorder(self, chance: int) -> None:
        """Names, colours and places are dealt out anew: classes exchange their names."""
        rng, classes = np.random.default_rng(chance), self.model.classes.classes
        names = rng.permutation([c.name for c in classes]).tolist()
        dealt = [
            LabelClass(c.value, name, (chance % 256, 1, 2), 0) for c, name in zip(classes, names, strict=True)
        ]
        order = rng.permutation(len(dealt))
        self._write(ClassList(tuple(dealt[i] for i in order)), f"Order {self.model.made}")

    def _write(self, listed: ClassList, name: str | None) -> None:
        listed = placed(listed)
        changes = self.project.classes.save(listed, name)
        assert changes.classes == (listed != self.model.classes)
        if changes.classes:
            step = self.model.add(None, name or "Change classes")
            step.classes = self.model.classes, listed
            self.model.classes = listed

    @precondition(lambda self: len(self.model.classes) > 1)
    @rule(pick=picks, more=st.integers(1, 5))
    def merge(self, pick: int, more: int) -> None:
        values = self.model.classes.values
        value, into = values[pick % len(values)], values[(pick + more) % len(values)]
        if value == into:
            return
        changes = self.project.classes.merge(value, into)
        name = f"Merge {self.model.classes.name_of(value)} into {self.model.classes.name_of(into)}"
        self._relabelled(name, value, into, without(self.model.classes, value), changes.labels)

    @precondition(lambda self: len(self.model.classes) > 0)
    @rule(pick=picks, leave=st.sampled_from([UNLABELLED, VOID]))
    def delete(self, pick: int, leave: int) -> None:
        value = self.model.classes.values[pick % len(self.model.classes)]
        changes = self.project.classes.delete(value, replace_with=leave)
        name = f"Delete {self.model.classes.name_of(value)}"
        self._relabelled(name, value, leave, without(self.model.classes, value), changes.labels)

    @precondition(lambda self: len(self.model.classes) > 0)
    @rule(pick=picks, new=st.integers(1, 9))
    def change_value(self, pick: int, new: int) -> None:
        old = self.model.classes.classes[pick % len(self.model.classes)]
        if new in self.model.classes.values:
            return
        changes = self.project.classes.change_value(old.value, new)
        listed = ClassList(
            tuple(
                LabelClass(new, c.name, c.colour, c.position) if c == old else c for c in self.model.classes
            )
        )
        self._relabelled(f"Change value of {old.name} to {new}", old.value, new, listed, changes.labels)
        self.ever.add(new)

    @precondition(lambda self: len(self.model.classes) > 0)
    @rule(pick=picks, chosen=st.sets(pictures))
    def split_off(self, pick: int, chosen: set[int]) -> None:
        old = self.model.classes.classes[pick % len(self.model.classes)]
        fresh = f"part {self.model.made}"
        changes = self.project.classes.split_off(old.value, fresh, chosen)
        listed = replace(self.model.classes, highest=max(self.ever)).with_class(fresh)  # no value comes again
        value = listed.values[-1]
        self._relabelled(f"Split {fresh} off {old.name}", old.value, value, listed, changes.labels, chosen)
        self.ever.add(value)

    def _relabelled(
        self,
        name: str,
        value: int,
        to: int,
        listed: ClassList,
        told: frozenset[int],
        only: set[int] | None = None,
    ) -> None:
        step = self.model.add(None, name)
        listed = placed(listed)
        step.classes = self.model.classes, listed
        step.move = (value, to) if only is None else None
        kind = (
            "delete" if to in (UNLABELLED, VOID) else "value" if name.startswith("Change value") else "merge"
        )
        self.moves[step.id] = ("split" if only is not None else kind, value, to)
        for picture, look in self.model.looks.items():
            here = look.values == value
            if here.any() and (only is None or picture in only):
                who = np.where(here & (to == UNLABELLED), np.uint8(0), look.who)
                step.looks[picture] = look, Look(np.where(here, np.uint8(to), look.values), who)
                self.model.looks[picture] = step.looks[picture][1]
        self.model.classes = listed
        assert told == set(step.looks)

    @rule()
    def start_a_run(self) -> None:
        run = self.project.runs.start("{}", "{}", None, 0)
        self.runs.append((run.after_move_id, self._in_force(), self.model.classes))

    def _in_force(self) -> tuple[int, ...]:
        return tuple(s.id for s in self.model.steps if s.picture is None and not s.undone)

    # Marks -------------------------------------------------------------------------------------

    @rule(picture=pictures, status=st.sampled_from(["done", "to review", "new"]), note=st.text(max_size=5))
    def mark(self, picture: int, status: str, note: str) -> None:
        if note:
            self._mark(picture, "note", note)
        else:
            self._mark(picture, "status", status)

    def _mark(self, picture: int, column: str, value: str) -> None:
        name = f"Mark {self.model.made}"
        self.project.journal.change_rows(
            picture, name, "mark", [RowChange("pictures", str(picture), {column: value})]
        )
        self.model.add(picture, name).marks = {column: self.model.marks[picture][column]}
        self.model.marks[picture][column] = value

    @rule(picture=pictures, tags=st.frozensets(st.sampled_from(["fog", "a:b", "Nacht"])))
    def tag(self, picture: int, tags: frozenset[str]) -> None:
        had = self.model.marks[picture]["tags"]
        assert isinstance(had, frozenset)
        rows = [RowChange("picture_tags", f"{picture}:{tag}", None) for tag in had - tags]
        rows += [RowChange("picture_tags", f"{picture}:{tag}", {}) for tag in tags - had]
        name = f"Tag {self.model.made}"
        self.project.journal.change_rows(picture, name, "mark", rows)
        self.model.add(picture, name).marks = {"tags": had}
        self.model.marks[picture]["tags"] = tags

    # Closing, killing ----------------------------------------------------------------------------

    @rule()
    def close_and_open(self) -> None:
        self.project.close()
        self.project = Project.open(self.folder)

    @rule()
    def kill_and_open(self) -> None:
        """What a process that dies leaves: the file and its write-ahead log as they lie."""
        self.opened += 1
        place = self.root / str(self.opened)
        shutil.copytree(
            self.folder / HOME_FOLDER, place / HOME_FOLDER, ignore=shutil.ignore_patterns("writer.*", "*-shm")
        )
        self.project.close()
        self.folder = place
        self.project = Project.open(place)

    # What must always be true --------------------------------------------------------------------

    @invariant()
    def pixels_and_who_said_so_agree(self) -> None:
        known = [UNLABELLED, VOID, *self.model.classes.values]
        for picture, (width, height) in SIZES.items():
            look = self.model.looks[picture]
            values = self.project.labels.read(picture, width, height)
            np.testing.assert_array_equal(values, look.values)
            assert np.isin(values, known).all(), "pixels of a class that is not there"
            plane, meaning = self.project.labels.provenance(picture, width, height)
            table = np.zeros(max(meaning, default=0) + 1, np.uint8)
            for i, (origin, _) in meaning.items():
                table[i] = ORIGINS.index(origin)
            np.testing.assert_array_equal(table[plane], look.who)
            assert np.array_equal(plane == 0, values == UNLABELLED)
            counts = np.bincount(values.ravel(), minlength=256)
            expected = {v: int(n) for v, n in enumerate(counts) if v and n}
            assert self.project.pictures.pixels_by_class(picture) == expected

    @invariant()
    def classes_and_marks_agree(self) -> None:
        assert self.project.classes.read() == self.model.classes
        for picture, marks in self.model.marks.items():
            record = self.project.pictures.get(picture)
            assert record.status == Status(str(marks["status"]))
            assert (record.note, set(record.tags)) == (marks["note"], marks["tags"])

    @invariant()
    def journals_agree(self) -> None:
        for picture in SIZES:
            journal = self.project.journal.undo_names(picture)
            steps = [self.model.next(picture, undone=undone) for undone in (False, True)]
            assert [journal.undo_name, journal.redo_name] == [s.name if s else None for s in steps]
        assert self.project.pictures.counts().edits == len(self.model.steps)

    @invariant()
    def networks_are_read_rightly(self) -> None:
        """A run's output is called what became of it, also when what it learned from has been undone since."""
        now = self._in_force()
        known = {UNLABELLED, VOID, *self.model.classes.values}
        for after, then, listed in self.runs:
            table = self.project.classes.mapping_since(after)
            assert set(table.tolist()) <= known
            shared = next((n for n, (a, b) in enumerate(zip(then, now, strict=False)) if a != b), None)
            shared = min(len(then), len(now)) if shared is None else shared
            for value in listed.values:
                heir = value
                for step_id in reversed(then[shared:]):
                    kind, old, new = self.moves.get(step_id, ("", 0, 0))
                    if kind in ("value", "split") and heir == new:
                        heir = old
                for step_id in now[shared:]:
                    kind, old, new = self.moves.get(step_id, ("", 0, 0))
                    if kind != "split" and kind and heir == old:
                        heir = new
                assert table[value] == (heir if heir in known else UNLABELLED)


TestDocument = DocumentMachine.TestCase
TestDocument.settings = settings(
    max_examples=20, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
