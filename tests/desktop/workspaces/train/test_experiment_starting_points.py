"""The form of the next run offers the networks of the ready experiments."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QApplication

from core.models.spec import parse_input_size
from core.training.experiments.experiment import EXPERIMENTS, ExperimentNetwork
from core.training.recipe import Recipe, default_recipe, parse_recipe_options
from desktop.theme.theme import apply_theme
from desktop.workspaces.train.dialogs.callback_panel import CallbackPanel
from desktop.workspaces.train.dialogs.run_form import RunForm

NETWORKS = [network for each in EXPERIMENTS for network in each.networks if network.architecture]


def test_each_network_of_an_experiment_fills_the_form(qapp: QApplication) -> None:
    defaults = {False: Recipe(), True: default_recipe("cpu", pretrained=True)}
    network = {"architecture": "", "encoder": "", "weights": "imagenet", "size": ""}
    callbacks = CallbackPanel(Path("models"), "", tensorboard=False)
    form = RunForm(apply_theme(qapp, "light"), network, {}, defaults, callbacks)
    first = form.starting_point.count() - 1 - len(NETWORKS)  # the last one is "Custom"
    titles = [form.starting_point.itemText(first + place) for place in range(len(NETWORKS))]
    assert len(set(titles)) == len(NETWORKS)
    for place, network in enumerate(NETWORKS, first):
        form.starting_point.setCurrentIndex(place)
        form.starting_point.activated.emit(place)
        _check(form, network)
    form.close()


def _check(form: RunForm, network: ExperimentNetwork) -> None:
    values = form.network.values()
    assert (values["architecture"], values["encoder"]) == (network.architecture, network.encoder or "")
    assert parse_input_size(values["size"]) == network.size
    assert form.accept_button.isEnabled(), form.summary.text()
    found = parse_recipe_options(form.choices())
    assert found["optimizer"] == network.options["optimizer"]
    assert found["loss"] == network.options["loss"]
    assert found["flip"] == network.options["flip"]
