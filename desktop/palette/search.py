"""What the search finds: actions by title, help and key, classes, and pictures by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction

from core.base.lane import Lane
from desktop.actions.catalog import ACTIONS, ActionSpec, shortcut_text, shortcuts_of
from desktop.dispatcher import MainThreadDispatcher
from desktop.palette.item import PaletteItem
from desktop.palette.name_index import NameIndex

if TYPE_CHECKING:
    from core.session.session import Session
    from desktop.workspaces.label.controller import LabelController

MAX_PICTURES = 50
"""Pictures listed at most: more nobody reads, a longer name finds them sooner."""


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
    """How far down the list an action belongs, None when it does not fit."""
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
    """Gives the palette its lines for the project that is open, or for none. GUI thread.

    The names of all pictures are put into one text on a lane; while that is made, the one before is searched.
    """

    def __init__(
        self,
        actions: Mapping[str, QAction],
        able: Callable[[str], bool],
        bridge: MainThreadDispatcher,
        lane: Lane,
    ) -> None:
        self._actions, self._is_available, self._bridge, self._lane = actions, able, bridge, lane
        self._session: Session | None = None
        self._labelling: LabelController | None = None
        self._names = NameIndex(())
        self._is_indexing = False
        self.on_names_ready: Callable[[], object] = lambda: None
        """Called when the names of pictures are there, for whoever has searched without them."""

    def set_project(self, session: Session | None, labelling: LabelController | None) -> None:
        """Search this project from now on; None: none is open."""
        self._session, self._labelling = session, labelling
        self._names = NameIndex(())

    def update_names(self) -> None:
        """Somebody is about to search: see whether pictures came."""
        session = self._session
        if session is None or self._is_indexing or len(self._names) == len(session.pictures):
            return
        self._is_indexing = True
        pictures = session.pictures
        future = self._lane.submit(lambda: NameIndex(pictures.get(i) for i in pictures.ids()))
        self._bridge.when_done(future, partial(self._on_names, session))

    def __call__(self, text: str) -> list[PaletteItem]:
        finds = find_actions(text, self._actions, self._is_available)
        classes = self._find_classes(text)
        # Who types a name wants what has that name; who types nothing wants to see what there is.
        named = [*classes, *self._find_pictures(text)]
        exact = [find for find in finds if _starts_with(find.title, text)]
        return (
            [*exact, *named, *(find for find in finds if find not in exact)]
            if text.strip()
            else [*finds, *named]
        )

    def _find_classes(self, text: str) -> list[PaletteItem]:
        if self._session is None or self._labelling is None:
            return []
        wanted = text.casefold().split()
        choose = self._labelling.choose_class
        return [
            PaletteItem(each.name, "Class", partial(choose, each.value), colour=each.colour)
            for each in self._session.editing.classes
            if all(word in each.name.casefold() for word in wanted)
        ]

    def _find_pictures(self, text: str) -> list[PaletteItem]:
        if self._session is None or self._labelling is None or not text.strip():
            return []
        show, pictures = self._labelling.show_picture, self._session.pictures
        found = (pictures.get(picture_id) for picture_id in self._names.find(text, MAX_PICTURES))
        return [
            PaletteItem(
                each.name, "Picture", partial(show, each.id), each.path.rpartition("/")[0], icon="photo"
            )
            for each in found
        ]

    def _on_names(self, session: Session, names: NameIndex) -> None:
        self._is_indexing = False
        if session is self._session:
            self._names = names
            self.on_names_ready()


def _starts_with(title: str, text: str) -> bool:
    return title.casefold().startswith(text.strip().casefold())
