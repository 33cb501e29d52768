"""The order of the queue in a simulation, with real pictures and predictions."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2

from core.samples.scenes import draw_scene
from core.session.simulation.acquisition_order import AcquisitionOrder
from tests.factories import predict, project_in


def test_a_picture_labelled_before_any_prediction_is_not_repeated(tmp_path: Path) -> None:
    with project_in(tmp_path, 6) as project:
        for number in range(6):
            cv2.imwrite(str(tmp_path / f"p{number}.png"), draw_scene(number).picture)
        shutil.copy(tmp_path / "p0.png", tmp_path / "p1.png")
        records = project.pictures.all()
        for record in records[1:]:
            predict(project, record.id, confidence=90)
        last = [AcquisitionOrder(project, seed).order(records[1:], records[:1], {})[-1] for seed in range(5)]
    assert sum(record.path == "p1.png" for record in last) >= 4  # one place in five is random
