"""Optimizer, weight initialisation, dropout and encoder freezing as the recipe asks for them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (the customary name)

from core.base.errors import ModelError
from core.models.network_builder import head_layers
from core.training.recipe import Recipe


def make_optimizer(model: nn.Module, recipe: Recipe, learning_rate: float) -> torch.optim.Optimizer:
    """The optimizer of a recipe. Weight decay acts on the weights of layers, not on biases and norms.

    Fused where torch has it: a fifth of the time on a processor. Not with float16 gradients: a fused optimizer unscales
    them itself, so they could not be clipped before.
    """
    trainable = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trainable if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in trainable if p.ndim <= 1], "weight_decay": 0.0},
    ]
    fused = recipe.precision != "16-mixed" and all(p.device.type in ("cpu", "cuda") for p in trainable)
    if recipe.precision == "auto" and any(p.is_cuda for p in trainable):
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
    """Initialise the weights of all convolutions and linear layers; `keep_encoder` when the encoder is pretrained.

    he: He and others 2015, arXiv 1502.01852; glorot: Glorot and Bengio 2010; orthogonal: Saxe and others 2013,
    arXiv 1312.6120. "own" keeps the initialisation of the network itself.
    """
    if kind == "own":
        return
    kept = (
        {id(module) for module in encoder_of(model).modules()}
        if keep_encoder and has_encoder(model)
        else set()
    )
    for module in model.modules():
        if id(module) in kept or not isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            continue
        match kind:
            case "he":
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            case "glorot":
                nn.init.xavier_uniform_(module.weight)
            case _:
                nn.init.orthogonal_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def add_head_dropout(model: nn.Module, share: float) -> bool:
    """Drop whole channels before the last layer in training (Tompson and others 2014, arXiv 1411.4280).

    A hook instead of a layer, so that the weights keep their names. False when the network has no known head.
    """
    if not share:
        return True

    def drop(_head: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return F.dropout2d(inputs[0], share, training=model.training), *inputs[1:]

    try:
        for head in head_layers(model):
            head.register_forward_pre_hook(drop)
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
    """Freezes the encoder, its running statistics too, for the first `share` (0..1) of the budget."""

    def __init__(self, model: nn.Module, share: float) -> None:
        self._model, self._share = model, share
        self.is_frozen = share > 0 and has_encoder(model)
        if self.is_frozen:
            encoder_of(model).requires_grad_(False).eval()

    def step(self, share: float) -> None:
        """Call before each step, with the fraction of the budget that is spent."""
        if self.is_frozen and share >= self._share:
            encoder_of(self._model).requires_grad_(True).train()
            self.is_frozen = False
