"""What a project file should hold after any edits, undo and redo: whole pictures in memory, no tiles, rows or SQL."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from core.labels.class_list import UNLABELLED, VOID, ClassList, LabelClass
from core.labels.label_map import Origin

SIZES = {1: (300, 270), 2: (97, 64), 3: (256, 257)}
"""Several tiles with ragged edges, one small tile, and an edge of one pixel."""
ORIGINS = (None, Origin.PAINTED, Origin.IMPORTED, Origin.ACCEPTED)


@dataclass
class Look:
    """A label and, in the same shape, the origin of each pixel as an index into ORIGINS."""

    values: np.ndarray
    who: np.ndarray

    def same(self, other: Look) -> bool:
        return np.array_equal(self.values, other.values) and np.array_equal(self.who, other.who)


@dataclass
class Step:
    """One edit of the model: what it did, as whole pictures, class lists and marks before and after."""

    id: int
    picture: int | None
    name: str
    looks: dict[int, tuple[Look, Look]] = field(default_factory=dict)
    classes: tuple[ClassList, ClassList] | None = None
    marks: dict[str, object] = field(default_factory=dict)
    """The other side of status, note and tags."""
    move: tuple[int, int] | None = None
    undone: bool = False
    thinned: bool = False


class Model:
    """What the document should hold."""

    def __init__(self, classes: ClassList) -> None:
        self.classes = classes
        self.looks = {
            i: Look(np.zeros((h, w), np.uint8), np.zeros((h, w), np.uint8)) for i, (w, h) in SIZES.items()
        }
        self.marks: dict[int, dict[str, object]] = {
            i: {"status": "new", "note": "", "tags": frozenset()} for i in SIZES
        }
        self.steps: list[Step] = []
        self.made = 0

    def add(self, picture: int | None, name: str) -> Step:
        undone = [s for s in self.steps if s.undone]
        forgotten = [s.id for s in undone if s.picture is None]

        def goes(step: Step) -> bool:
            return (
                picture is None
                or step.picture in (picture, None)
                or (bool(forgotten) and step.id > min(forgotten))
            )

        self.steps = [s for s in self.steps if not (s.undone and goes(s))]
        self.made += 1
        step = Step(self.made, picture, name)
        self.steps.append(step)
        return step

    def next(self, picture: int, *, undone: bool) -> Step | None:
        found = [
            s for s in self.steps if s.picture in (picture, None) and s.undone == undone and not s.thinned
        ]
        if not found:
            return None
        return (min if undone else max)(found, key=lambda s: s.id)

    def refuses(self, step: Step) -> bool:
        """Whether an edit of the whole project has to wait: what could be swapped without it must fit without it."""
        if step.picture is not None:
            return False
        if step.undone:
            free = [s for s in self.steps if s.undone and s.id < step.id and s.picture is not None]
        else:
            free = [s for s in self.steps if not s.undone and s.id > step.id and s.picture is not None]
        if any(s.picture in step.looks for s in free):
            return True
        assert step.classes is not None
        now, then = step.classes if step.undone else step.classes[::-1]
        going = set(now.values) - set(then.values)
        reachable = [look.values for i, look in self.looks.items() if i not in step.looks]
        reachable += [
            s.looks[s.picture][int(s.undone)].values for s in free if not s.thinned and s.picture in s.looks
        ]
        return any(np.isin(values, list(going)).any() for values in reachable)

    def swap(self, step: Step) -> None:
        for i, (before, after) in step.looks.items():
            here, there = (before, after) if step.undone else (after, before)
            assert self.looks[i].same(here), "the model lost its place"
            self.looks[i] = there
        if step.classes is not None:
            self.classes = step.classes[int(step.undone)]
        if step.picture is not None:
            marks, there = self.marks[step.picture], step.marks
            step.marks = {name: marks[name] for name in there}
            marks.update(there)
        step.undone = not step.undone

    def update_progress(self, pictures: set[int]) -> None:
        """A picture in progress without a label and without an edit of pixels is new; one that is redone is not."""
        for i in pictures:
            marks = self.marks[i]
            is_edited = any(
                s.picture == i and i in s.looks and not s.undone and not s.thinned for s in self.steps
            )
            if marks["status"] == "in progress" and not is_edited and not self.looks[i].values.any():
                marks["status"] = "new"
            elif marks["status"] == "new" and is_edited:
                marks["status"] = "in progress"

    def heir(self, value: int) -> int:
        """What a class that is gone became."""
        moves = [s for s in self.steps if s.move and not s.undone]
        last = max((s.id for s in moves if s.move and s.move[0] == value), default=None)
        if last is None:
            return UNLABELLED
        for step in moves:
            if step.id >= last and step.move and step.move[0] == value:
                value = step.move[1]
        return value if value in (*self.classes.values, VOID) else UNLABELLED


def without(listed: ClassList, value: int) -> ClassList:
    return ClassList(tuple(c for c in listed if c.value != value))


def placed(listed: ClassList) -> ClassList:
    """With positions as the places in the list."""
    return ClassList(tuple(LabelClass(c.value, c.name, c.colour, n) for n, c in enumerate(listed)))
