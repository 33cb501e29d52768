"""The scores of a network in a few numbers, and what they rest on."""

from __future__ import annotations

from PySide6.QtWidgets import QSizePolicy, QWidget

from core.base.text import count_of
from core.labels.class_list import ClassList
from core.labels.confusion_scores import METRIC_TITLES
from core.labels.score_basis import FEW_PIXELS, ScoreBasis
from core.session.models.evaluator import KeptEvaluation
from desktop.theme.theme import GRID
from desktop.widgets.controls import column, row, set_role, text_label
from desktop.widgets.plain_text import plain_tooltip
from desktop.workspaces.train.evaluation.class_scores import score_text

_TITLES = {name: title[0].upper() + title[1:] for name, title in METRIC_TITLES.items() if name != "miou"} | {
    "boundary_iou": "Boundary IoU",
    "calibration_error": "Calibration error",
}


class ScoreSummary(QWidget):
    """The mean IoU is muted while it rests on too little."""

    def __init__(self) -> None:
        super().__init__()
        self.score = text_label("", "headline")
        self.basis = text_label("", "muted", wrap=True)
        self.means = {name: text_label("", "heading") for name in _TITLES}
        self.notes = text_label("", "warning", wrap=True)
        stats = row(spacing=4 * GRID)
        for name, title in _TITLES.items():
            stats.addLayout(column(self.means[name], text_label(title, "muted"), None, spacing=0))
        stats.addStretch(1)
        self.notes.setContentsMargins(0, GRID, 0, 0)
        self.setLayout(column(self.score, self.basis, GRID, stats, self.notes, spacing=0))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    def show_scores(self, kept: KeptEvaluation, classes: ClassList) -> None:
        """Also what was assumed, and what could not be scored."""
        found = kept.evaluation
        means = found.mean_scores() | {"calibration_error": found.calibration_error()}
        pixels = {v: int(n) for v, n in zip(found.values, found.confusion.sum(1), strict=True)}
        few = {value: n for value, n in pixels.items() if 0 < n < FEW_PIXELS}
        basis = ScoreBasis(len(found.pictures), found.labelled_share, kept.interval, few)
        set_role(self.score, "headline" if basis.is_enough else "muted-headline")
        self.score.setText(f"{score_text(means['miou'])} mIoU")
        hint = "" if basis.is_enough else " Too little to say much about other pictures."
        few_text = basis.few_text({each.value: each.name for each in classes})
        interval = "95 % interval " if kept.interval else "Measured "
        self.basis.setText(f"{interval}{basis.text()}.{hint} {few_text}".strip())
        for name, label in self.means.items():
            label.setText(score_text(means[name]))
        count = len(found.problems)
        problems = f"{count_of(count, 'picture')} could not be scored: {found.problems[0]}" if count else ""
        self.notes.setText(" ".join(filter(None, (*found.notes, problems))))
        self.notes.setToolTip(plain_tooltip("\n".join(found.problems[:20])))
        self.notes.setVisible(bool(self.notes.text()))
