"""A head on the features that the encoder had before training, fitted anew when labels have changed.

It uses all labels of now within seconds. While a project has few labels it is often better than a network that was
trained on fewer still, and then takes its place.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from core.base.errors import ModelError
from core.models.network_builder import build_network
from core.models.networks.hypercolumn import HypercolumnNet
from core.models.spec import ModelSpec
from core.training.data.feature_cache import FeatureCache
from core.training.data.training_set import TrainingSet
from core.training.head.head_fit import fit_head
from core.training.head.pixel_sample import StageCallback
from core.training.recipe import Recipe

MAX_FAILURES = 2
"""Fits in a row that were not better than the network in use, after which a training makes no more."""
TIME_SHARE = 0.2
"""Largest share of the time of a training for fits after changed labels."""


class FreshHead:
    """Lives on the training thread. failures: fits in a row that `was_better` was told were no better."""

    def __init__(
        self,
        spec: ModelSpec,
        recipe: Recipe,
        pictures: TrainingSet,
        folder: Path,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """folder: of the cache of features, which may be deleted at any time; clock: seconds, without pauses."""
        self._clock = clock
        self._spec, self._recipe, self._pictures = spec, recipe, pictures
        self._cache = FeatureCache(folder, f"{spec.encoder} {spec.weights} {spec.channels}")
        self._network: HypercolumnNet | None = None
        self._next_fit = -math.inf
        self.failures = 0

    @property
    def is_possible(self) -> bool:
        """Whether recipe and network allow it, and it is worth its time now."""
        return (
            self._recipe.head_first
            and self._spec.is_pretrained
            and self._spec.architecture == "hypercolumn"
            and self.failures < MAX_FAILURES
            and self._clock() >= self._next_fit
        )

    def fit(
        self,
        class_weights: Tensor,
        should_abort: Callable[[], bool],
        on_stage: StageCallback = lambda *_: None,
    ) -> HypercolumnNet | None:
        """The network with pretrained encoder and fitted head, in eval mode; None when `should_abort` said yes.

        Raises ModelError when the pretrained weights cannot be read; it is then not possible any more.
        """
        began = self._clock()
        network, recipe = self._pretrained(), self._recipe
        fitted = fit_head(
            network,
            self._pictures,
            class_weights,
            recipe.correction_weight,
            recipe.seed,
            should_abort,
            self._cache,
            on_stage,
        )
        now = self._clock()
        self._next_fit = now + (now - began) * (1 / TIME_SHARE - 1)
        return network if fitted else None

    def was_better(self, better: bool) -> None:
        """Tell whether the network that was fitted last was published."""
        self.failures = 0 if better else self.failures + 1

    def _pretrained(self) -> HypercolumnNet:
        if self._network is None:
            # Building draws random weights: the training goes on with the random numbers it had. Only the generator of
            # the processor is seeded, as those of graphics cards are not restored here.
            with torch.random.fork_rng(devices=[]):
                torch.default_generator.manual_seed(self._recipe.seed)
                try:
                    built = build_network(self._spec)
                except ModelError:
                    self.failures = MAX_FAILURES
                    raise
            assert isinstance(built, HypercolumnNet)
            self._network = built.to(  # type: ignore[call-overload]
                device=self._pictures.device, memory_format=torch.channels_last
            ).eval()
        return self._network
