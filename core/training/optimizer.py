"""Optimizer, weight initialisation, dropout and encoder freezing as the recipe asks for them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (the customary name)

from core.base.errors import ModelError
from core.models.network_builder import encoder_of, has_encoder, head_layers
from core.training.eager_optimizers import eager
from core.training.recipe import Recipe

PROBE_SIZE = 64
"""Side in pixels of the picture whose features tell which layers of an encoder are early; a multiple of 32."""


def make_optimizer(
    model: nn.Module, recipe: Recipe, learning_rate: float, encoder_rate: float = 1.0
) -> torch.optim.Optimizer:
    """The optimizer of a recipe. Weight decay acts on the weights of layers, not on biases and norms.

    encoder_rate: learning rate of the encoder, as a share; stored in each parameter group as `rate_share`.

    Fused where torch has it: a fifth of the time on a processor. Not with float16 gradients: a fused optimizer unscales
    them itself, so they could not be clipped before.
    """
    trainable = [p for p in model.parameters() if p.requires_grad]
    slow = set(encoder_of(model).parameters()) if encoder_rate != 1 and has_encoder(model) else set()
    groups = [
        {"params": chosen, "weight_decay": decay, "rate_share": share, "lr": learning_rate * share}
        for part, share in (
            ([p for p in trainable if p not in slow], 1.0),
            ([p for p in trainable if p in slow], encoder_rate),
        )
        for chosen, decay in (
            ([p for p in part if p.ndim > 1], recipe.weight_decay),
            ([p for p in part if p.ndim <= 1], 0.0),
        )
        if chosen
    ]
    fused = recipe.precision != "16-mixed" and all(p.device.type in ("cpu", "cuda") for p in trainable)
    if recipe.precision == "auto" and any(p.is_cuda for p in trainable):
        fused = fused and torch.cuda.is_bf16_supported(including_emulation=False)
    match recipe.optimizer:
        case "sgd":
            return eager(torch.optim.SGD)(groups, lr=learning_rate, momentum=0.9, nesterov=True, fused=fused)
        case "adam":
            return eager(torch.optim.Adam)(groups, lr=learning_rate, fused=fused)
        case "nadam":
            return eager(torch.optim.NAdam)(groups, lr=learning_rate, decoupled_weight_decay=True)
        case "rmsprop":
            return eager(torch.optim.RMSprop)(groups, lr=learning_rate)
        case _:
            return eager(torch.optim.AdamW)(groups, lr=learning_rate, fused=fused)


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


class FrozenEncoder:
    """Keeps parts of an encoder from being trained.

    share: of the budget (0..1) for which the whole encoder is frozen, its batch norm statistics too
    levels: number of its finest resolutions that are never trained; see `early_layers`
    norm: whether its batch norm statistics stay for the whole training
    """

    def __init__(self, model: nn.Module, share: float, levels: int = 0, *, norm: bool = False) -> None:
        self._encoder = encoder_of(model) if has_encoder(model) else None
        self._share, self._norm = share, norm
        self._early = early_layers(self._encoder, levels) if self._encoder is not None else []
        # At once, so that several processes do not wait for the gradients of these layers.
        for layer in self._early:
            layer.requires_grad_(False)
        self.is_frozen: bool | None = None

    def step(self, spent: float) -> None:
        """Call before each step, with the fraction of the budget that is spent."""
        is_frozen = spent < self._share
        if self._encoder is None or is_frozen == self.is_frozen:
            return
        self.is_frozen = is_frozen
        self._encoder.requires_grad_(not is_frozen).train(not is_frozen)
        norms = [m for m in self._encoder.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        for module in norms if self._norm else ():
            module.eval()
        for layer in self._early:
            layer.requires_grad_(False).eval()


def early_layers(encoder: nn.Module, levels: int) -> list[nn.Module]:
    """The layers that compute the features of the first `levels` halvings of the resolution, whatever the encoder.

    They are those whose weights have a gradient there, so it computes the features of a small picture.
    """
    if not levels:
        return []
    training = {module: module.training for module in encoder.modules()}
    weights = [weight for weight in encoder.parameters() if weight.requires_grad]
    channels = next(weight.shape[1] for weight in weights if weight.ndim == 4)  # of the first convolution
    picture = torch.zeros((1, channels, PROBE_SIZE, PROBE_SIZE), device=weights[0].device)
    encoder.eval()  # so that no statistics change
    try:
        finest = encoder(picture)[1 : levels + 1]
        total = sum(level.sum() for level in finest if level.requires_grad)
    except (RuntimeError, ValueError, AssertionError):
        total = 0  # an encoder for pictures of one size
    finally:
        for module, mode in training.items():
            module.training = mode
    if not isinstance(total, Tensor):
        return []  # such as a transformer, which has no features at half of the resolution
    found = torch.autograd.grad(total, weights, allow_unused=True)
    early = {id(weight) for weight, gradient in zip(weights, found, strict=True) if gradient is not None}
    return [
        module
        for module in encoder.modules()
        if (own := list(module.parameters())) and all(id(weight) in early for weight in own)
    ]
