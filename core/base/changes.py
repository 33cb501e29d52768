"""What an operation touched: the one message that tells the rest of the program to look again. And notices."""

from __future__ import annotations

from dataclasses import dataclass

NO_IDS: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Changes:
    """Kinds and ids touched by one operation; immutable, crosses threads.

    `pictures` are rows whose status, split or size changed (or that are new), `labels` and `predictions` are
    ids of pictures whose pixels changed; the flags say that a whole table should be read again. `undo_names_known`
    are pictures whose next undo and redo the sender of the change knows already: nobody needs to query them.
    """

    pictures: frozenset[int] = NO_IDS
    labels: frozenset[int] = NO_IDS
    predictions: frozenset[int] = NO_IDS
    picture_list: bool = False
    classes: bool = False
    runs: bool = False
    measurements: bool = False
    undo_names_known: frozenset[int] = NO_IDS

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
        )

    def __bool__(self) -> bool:
        return self != Changes()


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that people should know, in a sentence or two; nothing has to be done at once."""

    message: str
