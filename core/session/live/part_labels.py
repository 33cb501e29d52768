"""What the process is told of the picture on screen, and of the parts of one that is predicted in parts, which teach
each other."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

from core.base.atomic_file import atomic_file
from core.base.errors import ImageError
from core.labels.label_map import LabelSnapshot
from core.labels.prediction import PredictedMask
from core.live.labelled_pixels import NO_PIXELS
from core.live.live_messages import PART_SUFFIX, LearnCommand, LiveCommand, PackedPixels, ShowCommand
from core.project.project import Project
from core.session.live.network_grid import network_command
from core.session.live.picture_part import MAX_PARTS, PicturePart
from core.session.live.teaching_pictures import known_pixels

NOTHING = PackedPixels.pack(NO_PIXELS)


class PartLabels:
    """Owned by the live lane."""

    def __init__(self) -> None:
        self._told: OrderedDict[PicturePart, PackedPixels] = OrderedDict()
        self._network: tuple[PredictedMask | None, PicturePart | None] = None, None

    def clear(self) -> None:
        """There is no process any more."""
        self._told.clear()
        self._network = None, None

    def unlearnt(self) -> None:
        """The process has forgotten what is labelled."""
        self._told.update(dict.fromkeys(self._told, NOTHING))

    def show(
        self, command: ShowCommand, part: PicturePart | None, network: PredictedMask | None, folder: Path
    ) -> Iterator[LiveCommand]:
        """What the process has to be sent to predict a picture, or a part of it. network: what it says of the picture.

        Raises ImageError.
        """
        yield from self._forgotten(part, folder)
        sent = msgspec.structs.replace(command, folder=folder)
        if part is not None:
            sent = msgspec.structs.replace(sent, picture_id=part.process_id, path=self._file_of(part, folder))
        if self._network[0] is not network or self._network[1] is not part:
            cut = part.cut(network) if part is not None and network is not None else network
            yield network_command(sent.picture_id, cut)
            self._network = network, part
        yield sent

    def changed(
        self, project: Project, shown: PicturePart, labels: LabelSnapshot, folder: Path
    ) -> Iterator[LearnCommand]:
        """What is labelled now in each part of the picture shown, where the process was told something else.

        Raises as `Project` does.
        """
        for part, told in list(self._told.items()):
            if part.picture_id != shown.picture_id:
                continue
            pixels = PackedPixels.pack(known_pixels(project, part.labelled(labels)))
            if pixels.values != told.values or pixels.points != told.points:
                self._told[part] = pixels
                yield LearnCommand(part.process_id, folder / f"{part.number}{PART_SUFFIX}", pixels)

    def _file_of(self, part: PicturePart, folder: Path) -> Path:
        path = folder / f"{part.number}{PART_SUFFIX}"
        if not path.exists():
            pixels = part.pixels()
            try:
                with atomic_file(path) as temporary, temporary.open("wb") as stream:
                    np.save(stream, pixels, allow_pickle=False)
            except OSError as error:
                raise ImageError(
                    f"A part of the picture could not be written to {folder} ({error.strerror}). Make room there."
                ) from error
        self._told[part] = self._told.pop(part, NOTHING)
        return path

    def _forgotten(self, shown: PicturePart | None, folder: Path) -> Iterator[LearnCommand]:
        """Parts that are no longer remembered, or of another picture than the one shown."""
        shown_id = shown.picture_id if shown else None
        outdated = [each for each in self._told if each.picture_id != shown_id]
        outdated += list(self._told)[:-MAX_PARTS]
        for part in dict.fromkeys(outdated):
            del self._told[part]
            path = folder / f"{part.number}{PART_SUFFIX}"
            path.unlink(missing_ok=True)
            yield LearnCommand(part.process_id, path, NOTHING)
