"""The offer of the present default network to a project that trains a former default; asked once per project."""

from __future__ import annotations

from collections.abc import Callable

from core.base.errors import MaskloopError
from core.models.networks.packaged_weights import is_packaged
from core.models.spec import DEFAULT_ENCODER
from core.project.records import RunRecord
from core.session.session import Session
from core.session.training.next_run import spec_of
from desktop.controller import Controller
from desktop.dispatcher import MainThreadDispatcher
from desktop.workspaces.train.page import TrainPage

OFFER_FACT = "offer_pretrained_network"
"""Name of the fact in the project file that holds the answer: "accepted" or "declined"."""
OFFER = (
    "New projects start from ImageNet weights, which reached 0.63 mIoU on unseen streets in ten minutes "
    "where random ones reached 0.43; earlier runs are kept."
)
FORMER_DEFAULTS = (("asymmetric-unet", None), ("unet", "resnet34"))
"""(architecture, encoder) of the networks that earlier versions trained unasked, from random weights."""


class NetworkOffer(Controller):
    """`on_accepted` is called when the person takes the offer."""

    def __init__(
        self,
        session: Session,
        dispatcher: MainThreadDispatcher,
        page: TrainPage,
        on_accepted: Callable[[], None],
    ) -> None:
        super().__init__()
        self._session, self._page, self._on_accepted = session, page, on_accepted
        self._is_open = False
        self._in_use: RunRecord | None = None
        self._network_is_chosen = False
        self.connections.connect(page.offer.answered, self._on_answered)
        dispatcher.when_done(session.fact(OFFER_FACT), self._on_answer_read)

    def update(self, in_use: RunRecord | None, *, network_is_chosen: bool) -> None:
        """in_use: the run whose weights predict; network_is_chosen: whether the next run has a network of its own."""
        self._in_use, self._network_is_chosen = in_use, network_is_chosen
        self._show()

    def close(self) -> None:
        super().close()
        self._page.offer.set_offer("")

    def _on_answer_read(self, answer: str | None) -> None:
        self._is_open = not answer
        self._show()

    def _show(self) -> None:
        wanted = (
            self._is_open
            and not self.is_closed
            and not self._network_is_chosen
            and self._in_use is not None
            and is_former_default(self._in_use)
            and is_packaged(DEFAULT_ENCODER)
        )
        self._page.offer.set_offer(OFFER if wanted else "")

    def _on_answered(self, accepted: bool) -> None:
        self._is_open = False
        self._session.set_fact(OFFER_FACT, "accepted" if accepted else "declined")
        self._show()
        if accepted:
            self._on_accepted()


def is_former_default(run: RunRecord) -> bool:
    """Whether the run trained what an earlier version trained unasked."""
    try:
        spec = spec_of(run)
    except MaskloopError:
        return False
    return spec.weights == "none" and (spec.architecture, spec.encoder) in FORMER_DEFAULTS
