"""The drawer of classes: the class list as stored."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from core.changes import Changes
from core.labels.classes import ClassList, Colour, LabelClass
from core.project.store import Store
from core.project.tables import classes


class ClassDrawer:
    """Classes of one open project. Lives where its Store lives."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self) -> ClassList:
        """All classes in list order."""
        with self._store.reading() as connection:
            rows = connection.execute(select(classes).order_by(classes.c.position, classes.c.value))
            return ClassList(tuple(LabelClass(v, name, _rgb(colour), p) for v, name, colour, p in rows))

    def write(self, listed: ClassList) -> Changes:
        """Store the whole list; a class that is not in it is dropped from the list (its pixels stay)."""
        rows = [
            {
                "value": c.value,
                "name": c.name,
                "colour": "#{:02x}{:02x}{:02x}".format(*c.colour),
                "position": p,
            }
            for p, c in enumerate(listed)
        ]
        with self._store.writing() as connection:
            # All out, all in: names may be swapped between two classes, and the list is short.
            connection.execute(delete(classes))
            if rows:
                connection.execute(insert(classes), rows)
        return Changes(classes=True)


def _rgb(colour: str) -> Colour:
    number = int(colour.removeprefix("#"), 16)
    return number >> 16, number >> 8 & 255, number & 255
