"""The useful regions of the picture on screen: found in the background, framed, and shown one after another."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from core.acquisition.region_scores import UsefulRegion, find_useful_regions
from core.base.lane import Lane
from desktop.canvas.canvas import Canvas
from desktop.dispatcher import LatestRequest, MainThreadDispatcher
from desktop.workspaces.label.active_picture import ActivePicture

SEARCH_DELAY_MS = 300
"""Regions are searched again so long after an edit."""
MIN_LENGTH = 96
"""Widget pixels; a region that is shorter on the screen is zoomed in on."""


class UsefulRegions(QObject):
    """Lives on the GUI thread; a lane of its own searches.

    message: the place of the region that was gone to, and what is unsure there.
    none_found: there is no region in the picture, which was entered forwards (1) or backwards (-1).
    """

    message = Signal(str)
    none_found = Signal(int)

    def __init__(
        self,
        dispatcher: MainThreadDispatcher,
        canvas: Canvas,
        picture: ActivePicture,
        name_of_class: Callable[[int], str],
    ) -> None:
        super().__init__()
        self.class_weights: NDArray[np.float32] | None = None
        """float32 (256,), as `PictureQueue.class_weights`; None: all classes count the same."""
        self._canvas, self._picture, self._name_of_class = canvas, picture, name_of_class
        self._lane = Lane("useful regions")
        self._request = LatestRequest(dispatcher)
        self._search_delay = QTimer(self, singleShot=True, interval=SEARCH_DELAY_MS)
        self._search_delay.timeout.connect(self._search_again)
        self._begin_at = 0  # where a search under way begins: 1 at the first region, -1 at the last
        self._regions: tuple[UsefulRegion, ...] = ()
        self._index: int | None = None  # None: the picture was not searched

    def close(self) -> None:
        """End the search and remove the frames."""
        self.leave()
        self._lane.shutdown(cancel_futures=True, wait=False)

    @property
    def current(self) -> UsefulRegion | None:
        """The region that was gone to."""
        if self._index is None or not 0 <= self._index < len(self._regions):
            return None
        return self._regions[self._index]

    @property
    def are_framed(self) -> bool:
        return bool(self._regions)

    @property
    def can_begin(self) -> bool:
        """Whether the picture has a prediction that was not searched yet."""
        return self._index is None and self._can_search()

    def begin(self, step: int) -> None:
        """Search the picture, and go to its first (1) or last (-1) region."""
        self._begin_at = step
        self._search()

    def go(self, step: int) -> bool:
        """Go to the next (1) or previous (-1) region. Returns whether there is one in this picture."""
        if self._index is None or not 0 <= self._index + step < len(self._regions):
            return False
        self._index += step
        self._show()
        return True

    def content_changed(self) -> None:
        """The label or the prediction on screen is another one."""
        if self._begin_at or self._index is not None:
            self._search_delay.start()

    def leave(self) -> None:
        """Remove the frames."""
        self._request.cancel()
        self._search_delay.stop()
        self._begin_at, self._regions, self._index = 0, (), None
        self._canvas.set_frames(())

    def _can_search(self) -> bool:
        labels, prediction = self._picture.labels, self._picture.prediction
        return (
            labels is not None and prediction is not None and prediction.values.shape == labels.values.shape
        )

    def _search(self) -> None:
        labels, prediction = self._picture.labels, self._picture.prediction
        if labels is None or prediction is None or not self._can_search():
            self._begin_at = 0  # a picture that was drawn at random may have none
            return
        future = self._lane.submit(find_useful_regions, prediction, labels.snapshot(), self.class_weights)
        self._request.send(future, self._found)

    def _search_again(self) -> None:
        if self._begin_at or self._index is not None:
            self._search()

    def _found(self, regions: tuple[UsefulRegion, ...]) -> None:
        """The regions of the picture on screen as it is now."""
        begin_at, self._begin_at = self._begin_at, 0
        if begin_at or self._index is None:
            self._regions = regions
            self._index = len(regions) - 1 if begin_at < 0 and regions else 0
            if regions:
                self._show()
            else:
                self._frame()
                self.none_found.emit(begin_at)
            return
        # The others keep their order, and those that are labelled are left out.
        boxes = {region.box for region in regions}
        kept = [region for region in self._regions if region.box in boxes]
        before = sum(region.box in boxes for region in self._regions[: self._index])
        is_left = self.current is not None and self.current.box in boxes
        self._regions = tuple(kept)
        self._index = before if is_left else before - 1
        self._frame()

    def _show(self) -> None:
        self._frame()
        region = self.current
        assert region is not None
        self._canvas.reveal(region.box, MIN_LENGTH)
        names = " and ".join(map(self._name_of_class, region.classes))
        place = f"Region {(self._index or 0) + 1} of {len(self._regions)}"
        self.message.emit(f"{place}: unsure about {names}.")

    def _frame(self) -> None:
        self._canvas.set_frames(
            [region.box for region in self._regions], self.current.box if self.current else None
        )
