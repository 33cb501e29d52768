"""Search of the command palette: actions by title, help and shortcut, classes, and pictures by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction

from core.base.lane import Lane
from desktop.actions.catalog import ACTIONS, ActionSpec, shortcut_text, shortcuts_of
from desktop.command_palette.name_index import NameIndex
from desktop.dispatcher import MainThreadDispatcher

if TYPE_CHECKING:
    from core.session.session import Session

MAX_PICTURES = 50
"""Pictures listed at most; a longer text finds a picture sooner than a longer list."""


@dataclass(frozen=True, slots=True)
class PaletteItem:
    """One line of the palette. `kind`: what it is, in a word; `colour`: RGB of a chip in place of the icon."""

    title: str
    kind: str
    activate: Callable[[], object]
    note: str = ""
    keys: str = ""
    icon: str = ""
    colour: tuple[int, int, int] | None = None


SearchFunction = Callable[[str], Sequence[PaletteItem]]


def find_actions(
    text: str, actions: Mapping[str, QAction], is_available: Callable[[str], bool]
) -> list[PaletteItem]:
    """Actions whose title, help or keys hold all words of `text`, best first; all of them for an empty text."""
    wanted = text.casefold().split()
    scored = []
    for place, entry in enumerate(ACTIONS):
        score = _score(entry, wanted)
        if score is not None and is_available(entry.id) and actions[entry.id].isEnabled():
            scored.append((score, place, entry))
    return [
        _action_item(entry, actions[entry.id])
        for _score_, _place, entry in sorted(scored, key=lambda s: s[:2])
    ]


def _score(entry: ActionSpec, wanted: Sequence[str]) -> int | None:
    """Rank of an action, 0 first: by shortcut, start of the title, title, anything; None when it does not match."""
    title = entry.title.casefold()
    keys = " ".join(shortcuts_of(entry.id)).casefold()
    whole = f"{title} {entry.group} {entry.help} {keys}".casefold()
    if not all(word in whole for word in wanted):
        return None
    if not wanted:
        return 0
    if " ".join(wanted) in keys.split():
        return 0
    if title.startswith(wanted[0]):
        return 1
    if all(word in title for word in wanted):
        return 2
    return 3


def _action_item(entry: ActionSpec, action: QAction) -> PaletteItem:
    title = action.text().replace("&&", "&").rstrip("…")
    return PaletteItem(title, entry.group, action.trigger, entry.help, shortcut_text(entry.id), entry.icon)


class PaletteSearch:
    """Gives the palette its lines for the open project, or for none. GUI thread.

    The names of all pictures are indexed on a lane; until the new index is there, the old one is searched.
    """

    def __init__(
        self,
        actions: Mapping[str, QAction],
        is_available: Callable[[str], bool],
        dispatcher: MainThreadDispatcher,
        lane: Lane,
    ) -> None:
        self._actions, self._is_available = actions, is_available
        self._dispatcher, self._lane = dispatcher, lane
        self._session: Session | None = None
        self._choose_class: Callable[[int], object] = _do_nothing
        self._show_picture: Callable[[int], object] = _do_nothing
        self._names = NameIndex(())
        self._is_indexing = False
        self.on_names_ready: Callable[[], object] = lambda: None
        """Called when a new index of picture names is there."""

    def set_project(
        self,
        session: Session | None,
        choose_class: Callable[[int], object] | None = None,
        show_picture: Callable[[int], object] | None = None,
    ) -> None:
        """Search this project from now on (None: none is open); the functions take a class value and a picture id."""
        self._session = session
        self._choose_class = choose_class or _do_nothing
        self._show_picture = show_picture or _do_nothing
        self._names = NameIndex(())

    def update_names(self) -> None:
        """Index the picture names again if pictures were added; called before a search."""
        session = self._session
        if session is None or self._is_indexing or len(self._names) == len(session.pictures):
            return
        self._is_indexing = True
        pictures = session.pictures
        future = self._lane.submit(lambda: NameIndex(pictures.get(i) for i in pictures.ids()))
        self._dispatcher.when_done(future, partial(self._on_names, session))

    def __call__(self, text: str) -> list[PaletteItem]:
        """With a text, classes and pictures come before actions whose title does not start with it."""
        found = find_actions(text, self._actions, self._is_available)
        named = [*self._find_classes(text), *self._find_pictures(text)]
        if not text.strip():
            return [*found, *named]
        exact = [item for item in found if _starts_with(item.title, text)]
        return [*exact, *named, *(item for item in found if item not in exact)]

    def _find_classes(self, text: str) -> list[PaletteItem]:
        if self._session is None:
            return []
        wanted = text.casefold().split()
        return [
            PaletteItem(each.name, "Class", partial(self._choose_class, each.value), colour=each.colour)
            for each in self._session.editing.classes
            if all(word in each.name.casefold() for word in wanted)
        ]

    def _find_pictures(self, text: str) -> list[PaletteItem]:
        if self._session is None or not text.strip():
            return []
        pictures = self._session.pictures
        found = (pictures.get(picture_id) for picture_id in self._names.find(text, MAX_PICTURES))
        return [
            PaletteItem(
                each.name,
                "Picture",
                partial(self._show_picture, each.id),
                each.path.rpartition("/")[0],
                icon="photo",
            )
            for each in found
        ]

    def _on_names(self, session: Session, names: NameIndex) -> None:
        self._is_indexing = False
        if session is self._session:
            self._names = names
            self.on_names_ready()


def _do_nothing(_argument: int) -> None:
    pass


def _starts_with(title: str, text: str) -> bool:
    return title.casefold().startswith(text.strip().casefold())
