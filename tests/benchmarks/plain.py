"""A plain training loop for comparison, over prepared tensors.

All pictures are resized to a square once and kept in memory, so that no files are read; half of them are mirrored;
cross-entropy and Dice, Adam at 0.001, the last weights are used. No class weights, no EMA, no validation.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

VOID = 255

Pair = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""A picture (H, W, 3) and its label (H, W): class values from 1, 255 void."""


def learn_plainly(
    model: nn.Module, pairs: Sequence[Pair], size: int, minutes: float, batch: int, seed: int
) -> int:
    """Train on the device of the model for this time. Returns the number of steps."""
    device = next(model.parameters()).device
    square, batch = (size, size), min(batch, len(pairs))
    pictures = torch.stack([_tensor(cv2.resize(picture, square)) for picture, _ in pairs])
    targets = torch.stack(
        [
            torch.from_numpy(cv2.resize(label, square, interpolation=cv2.INTER_NEAREST)).long()
            for _, label in pairs
        ]
    )
    targets = torch.where(targets == VOID, VOID, targets - 1)
    chance = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    model.train()
    steps, ends = 0, time.monotonic() + 60 * minutes
    while True:
        order = torch.randperm(len(pairs), generator=chance)
        for first in range(0, len(pairs) - batch + 1, batch):
            if time.monotonic() > ends:
                return steps
            chosen = order[first : first + batch]
            picture, target = pictures[chosen].to(device), targets[chosen].to(device)
            mirrored = torch.rand(batch, generator=chance) < 0.5
            picture[mirrored], target[mirrored] = picture[mirrored].flip(3), target[mirrored].flip(2)
            optimizer.zero_grad()
            loss = _loss(model(picture), target)
            loss.backward()
            optimizer.step()
            steps += 1


@torch.no_grad()
def predict_plainly(model: nn.Module, picture: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Class indices (H, W) uint8 of a picture (H, W, 3) uint8 at its own size. The model is in eval mode."""
    device = next(model.parameters()).device
    logits = model(_tensor(cv2.resize(picture, (size, size)))[None].to(device))
    logits = F.interpolate(logits, picture.shape[:2], mode="bilinear", align_corners=False)
    return np.asarray(logits.argmax(1)[0].cpu(), np.uint8)


def _tensor(picture: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(picture).permute(2, 0, 1).float().div(255).sub(0.45).div(0.25)


def _loss(logits: Tensor, target: Tensor) -> Tensor:
    if logits.shape[2:] != target.shape[1:]:
        logits = F.interpolate(logits, target.shape[1:], mode="bilinear", align_corners=False)
    said = (target != VOID).unsqueeze(1)
    soft = logits.softmax(1) * said
    truth = F.one_hot(torch.where(target == VOID, 0, target), logits.shape[1]).permute(0, 3, 1, 2) * said
    hit = (soft * truth).sum((0, 2, 3))
    dice = 1 - ((2 * hit + 1) / (soft.sum((0, 2, 3)) + truth.sum((0, 2, 3)) + 1)).mean()
    return F.cross_entropy(logits, target, ignore_index=VOID) + dice
