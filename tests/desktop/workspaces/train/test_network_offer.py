"""A project that trains a former default is offered the present one, once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton

from core.models.checkpoint import save_checkpoint
from core.models.network_builder import build_network
from core.models.spec import DEFAULT_ENCODER, ModelSpec
from core.project.project import Project
from core.session.training.next_run import FACT, NextRun
from core.training.recipe import Recipe
from desktop.workspaces.train.network_offer import OFFER_FACT
from desktop.workspaces.train.page import TrainPage
from tests.desktop.conftest import GuiDriver

FORMER = ModelSpec("asymmetric-unet", None, "none", 64, (1, 2))


def open_with_run(gui: GuiDriver, spec: ModelSpec = FORMER) -> TrainPage:
    """Open the project again with a run of this network, and show the Train workspace."""
    folder = gui.session.folder
    gui.window.close_project()
    with Project.open(folder, purpose="a test") as project:
        run = project.runs.start(json.dumps(spec.to_json()), json.dumps(Recipe().to_json()), None, 3)
        torch.manual_seed(0)
        save_checkpoint(project.run_folder(run.id), build_network(spec).eval(), spec, {})
        project.runs.update(run.id, published=1)
        project.runs.end(run.id, "finished")
    return open_train_page(gui, folder)


def open_train_page(gui: GuiDriver, folder: Path) -> TrainPage:
    gui.window.open_project(folder)
    gui.wait_until(gui.has_picture, "a picture", 60)
    gui.window.actions_by_id["workspace_train"].trigger()
    page = gui.window.workspaces.train
    gui.wait_until(lambda: page.next_run.text() != "", "the next run is described", 10)
    return page


def answer(page: TrainPage, title: str) -> None:
    button = next(b for b in page.offer.findChildren(QPushButton) if b.text() == title)
    button.click()


def stored(gui: GuiDriver, name: str) -> str | None:
    gui.session.wait_until_saved()
    return gui.session.fact(name).result()


def test_the_offer_is_taken(gui: GuiDriver) -> None:
    page = open_with_run(gui)
    gui.wait_until(page.offer.isVisible, "the offer", 10)
    answer(page, "Use it")
    gui.wait_until(lambda: not page.offer.isVisible(), "the offer is gone", 10)
    chosen = NextRun.from_json(stored(gui, FACT))
    assert (chosen.architecture, chosen.encoder, chosen.weights) == (
        "hypercolumn",
        DEFAULT_ENCODER,
        "imagenet",
    )
    assert "Hypercolumn" in page.next_run.text()


def test_a_declined_offer_stays_away(gui: GuiDriver) -> None:
    page = open_with_run(gui)
    gui.wait_until(page.offer.isVisible, "the offer", 10)
    answer(page, "Keep this network")
    assert stored(gui, OFFER_FACT) == "declined" and stored(gui, FACT) is None
    folder = gui.session.folder
    gui.window.close_project()
    page = open_train_page(gui, folder)
    QTest.qWait(300)
    assert not page.offer.isVisible()


@pytest.mark.parametrize(
    "spec",
    [ModelSpec("plain-unet", None, "none", 64, (1, 2)), ModelSpec("hypercolumn", None, "none", 64, (1, 2))],
)
def test_a_network_that_was_chosen_is_left_alone(gui: GuiDriver, spec: ModelSpec) -> None:
    page = open_with_run(gui, spec)
    gui.wait_until(lambda: page.runs.rowCount() == 1, "the run is listed", 10)
    QTest.qWait(300)
    assert not page.offer.isVisible()
