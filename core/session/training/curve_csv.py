"""Curves of runs as a table."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable

from core.labels.class_list import ClassList
from core.session.training.run_series import RunSeries

HEADER = ("run", "measure", "class", "step", "seconds", "epoch", "labelled_pictures", "labelled_pixels", "value",
          "checkpoint")  # fmt: skip


def curves_csv(series: Iterable[RunSeries], classes: ClassList) -> bytes:
    """Every point as it was measured, one a row, UTF-8; epoch, pixels and checkpoint are blank where there is none.
    labelled_pixels: of all labels of the run"""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    for each in series:
        name = "" if each.class_value is None else classes.name_of(each.class_value)
        columns = [each.steps, each.seconds, each.epochs, each.pictures, each.pixels]
        columns += [each.values, each.checkpoints]
        for step, seconds, epoch, pictures, pixels, value, checkpoint in zip(
            *(column.tolist() for column in columns), strict=True
        ):
            writer.writerow(
                (
                    each.run_id,
                    each.name,
                    name,
                    int(step),
                    round(seconds, 3),
                    "" if math.isnan(epoch) else round(epoch, 4),
                    int(pictures),
                    "" if math.isnan(pixels) else int(pixels),
                    repr(value),
                    int(checkpoint) or "",
                )
            )
    return text.getvalue().encode("utf-8")
