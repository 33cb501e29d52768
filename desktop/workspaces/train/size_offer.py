"""The offer of a larger input for the next run, where labelled things vanish at that of the newest one."""

from __future__ import annotations

from collections.abc import Callable

from core.session.session import Session
from core.session.training.input_size import ADVICE_FACT, SizeProposal
from desktop.controller import Controller
from desktop.dispatcher import MainThreadDispatcher
from desktop.workspaces.train.page import TrainPage

DECLINED_FACT = "size_advice_declined"
"""Name of the fact in the project file that holds the sentence that was declined: another one is shown again."""


class SizeOffer(Controller):
    """`on_accepted` is called with the size in pixels when the person takes the offer."""

    def __init__(
        self,
        session: Session,
        dispatcher: MainThreadDispatcher,
        page: TrainPage,
        on_accepted: Callable[[int], None],
    ) -> None:
        super().__init__()
        self._session, self._dispatcher = session, dispatcher
        self._page, self._on_accepted = page, on_accepted
        self._proposal = SizeProposal()
        self._declined = ""
        self._chosen_size: int | None = None
        self.connections.connect(page.size_offer.answered, self._on_answered)
        dispatcher.when_done(session.fact(DECLINED_FACT), self._on_declined_read)

    def update(self, chosen_size: int | None) -> None:
        """chosen_size: of the next run, None for that of the network in use. Reads what the newest run said."""
        self._chosen_size = chosen_size
        self._dispatcher.when_done(self._session.fact(ADVICE_FACT), self._on_read)

    def close(self) -> None:
        super().close()
        self._page.size_offer.set_offer("")

    def _on_declined_read(self, sentence: str | None) -> None:
        self._declined = sentence or ""
        self._show()

    def _on_read(self, text: str | None) -> None:
        self._proposal = SizeProposal.from_json(text)
        self._show()

    def _show(self) -> None:
        if self.is_closed:
            return
        proposal = self._proposal
        answered = proposal.sentence == self._declined or (self._chosen_size or 0) >= max(1, proposal.better)
        accept = f"Use {proposal.better:,} pixels" if proposal.better > proposal.size else ""
        self._page.size_offer.set_offer("" if answered else proposal.sentence, accept)

    def _on_answered(self, accepted: bool) -> None:
        if accepted:
            self._on_accepted(self._proposal.better)
        else:
            self._declined = self._proposal.sentence
            self._session.set_fact(DECLINED_FACT, self._declined)
        self._show()
