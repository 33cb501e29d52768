"""What an operation changed, as one message from the document to the window, and notices for people."""

from __future__ import annotations

from dataclasses import dataclass

NO_IDS: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Changes:
    """Kinds and ids touched by one operation; immutable, sent between threads.

    pictures: ids of rows whose status, split or size changed, or that are new
    labels, predictions: ids of pictures whose label or prediction changed
    files: ids of pictures whose file is another one or has other content; their pixels have to be read again
    work: ids of pictures of which it was measured anew what it took to label them
    picture_list, classes, runs, measurements: the whole table has to be read again
    undo_names_known: pictures whose next undo and redo the sender already knows, so that nobody needs to query them
    """

    pictures: frozenset[int] = NO_IDS
    labels: frozenset[int] = NO_IDS
    predictions: frozenset[int] = NO_IDS
    picture_list: bool = False
    classes: bool = False
    runs: bool = False
    measurements: bool = False
    undo_names_known: frozenset[int] = NO_IDS
    files: frozenset[int] = NO_IDS
    work: frozenset[int] = NO_IDS

    def __or__(self, other: Changes) -> Changes:
        return Changes(
            self.pictures | other.pictures,
            self.labels | other.labels,
            self.predictions | other.predictions,
            self.picture_list or other.picture_list,
            self.classes or other.classes,
            self.runs or other.runs,
            self.measurements or other.measurements,
            self.undo_names_known | other.undo_names_known,
            self.files | other.files,
            self.work | other.work,
        )

    def __bool__(self) -> bool:
        return self != Changes()


@dataclass(frozen=True, slots=True)
class Notice:
    """A message for people that needs no action, in a sentence or two.

    joins: the joins of pictures with their files that it is about (`core.project.content.joins`), which can be undone
    """

    message: str
    joins: int | None = None
