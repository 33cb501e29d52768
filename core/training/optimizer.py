"""What a recipe says about the optimiser and about the network while it learns."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (the customary name)

from core.base.errors import ModelError
from core.models.network_builder import head_layers
from core.training.recipe import Recipe


def make_optimizer(model: nn.Module, recipe: Recipe, learning_rate: float) -> torch.optim.Optimizer:
    """Weight decay only where it means something: on the weights of layers, not on biases and norms.

    All weights are moved by one kernel (`fused`) where torch has it: a fifth of the time on a processor. Not with
    16-bit gradients: those are unscaled inside it, and could not be shortened before.
    """
    wanted = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in wanted if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in wanted if p.ndim <= 1], "weight_decay": 0.0},
    ]
    fused = recipe.precision != "16-mixed" and all(p.device.type in ("cpu", "cuda") for p in wanted)
    if recipe.precision == "auto" and any(p.is_cuda for p in wanted):
        fused = fused and torch.cuda.is_bf16_supported(including_emulation=False)
    match recipe.optimizer:
        case "sgd":
            return torch.optim.SGD(groups, lr=learning_rate, momentum=0.9, nesterov=True, fused=fused)
        case "adam":
            return torch.optim.Adam(groups, lr=learning_rate, fused=fused)
        case "nadam":
            return torch.optim.NAdam(groups, lr=learning_rate, decoupled_weight_decay=True)
        case "rmsprop":
            return torch.optim.RMSprop(groups, lr=learning_rate)
        case _:
            return torch.optim.AdamW(groups, lr=learning_rate, fused=fused)


@torch.no_grad()
def initialise_weights(model: nn.Module, kind: str, *, keep_encoder: bool) -> None:
    """Draw the weights of all convolutions and linear layers again; `keep_encoder` when that one was pretrained.

    he: He and others 2015, arXiv 1502.01852; glorot: Glorot and Bengio 2010; orthogonal: Saxe and others 2013,
    arXiv 1312.6120. "own" leaves the network as its makers built it.
    """
    if kind == "own":
        return
    kept = (
        {id(part) for part in encoder_of(model).modules()} if keep_encoder and has_encoder(model) else set()
    )
    for part in model.modules():
        if id(part) in kept or not isinstance(part, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            continue
        match kind:
            case "he":
                nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
            case "glorot":
                nn.init.xavier_uniform_(part.weight)
            case _:
                nn.init.orthogonal_(part.weight)
        if part.bias is not None:
            nn.init.zeros_(part.bias)


def add_head_dropout(model: nn.Module, share: float) -> bool:
    """Let whole channels before the last layer be silent in training (Tompson and others 2014, arXiv 1411.4280).

    A hook instead of a layer, so that the weights keep their names. False when the network has no such place.
    """
    if not share:
        return True

    def silence(_head: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return F.dropout2d(inputs[0], share, training=model.training), *inputs[1:]

    try:
        for head in head_layers(model):
            head.register_forward_pre_hook(silence)
    except ModelError:
        return False
    return True


def has_encoder(model: nn.Module) -> bool:
    return isinstance(getattr(model, "encoder", None), nn.Module)


def encoder_of(model: nn.Module) -> nn.Module:
    encoder = model.encoder
    assert isinstance(encoder, nn.Module)
    return encoder


class FrozenEncoder:
    """Keeps the encoder as it is, its running statistics too, until its share of the budget is over."""

    def __init__(self, model: nn.Module, share: float) -> None:
        self._model, self._share = model, share
        self.is_frozen = share > 0 and has_encoder(model)
        if self.is_frozen:
            encoder_of(model).requires_grad_(False).eval()

    def step(self, share: float) -> None:
        """Call before a step, with the share of the budget that is over."""
        if self.is_frozen and share >= self._share:
            encoder_of(self._model).requires_grad_(True).train()
            self.is_frozen = False
