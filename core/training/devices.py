"""Device, number format, threads and seeds as the recipe asks for them."""

from __future__ import annotations

import logging
import os
import warnings
from typing import TYPE_CHECKING

import torch

from core.base.errors import TrainingError
from core.base.text import count_of
from core.training.distributed_config import DistributedConfig
from core.training.recipe import Recipe
from core.training.single_device import SingleDevice

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from core.training.single_device import Runtime


def make_runtime(recipe: Recipe, config: DistributedConfig | None = None) -> Runtime:
    """One device in this process, or several with a process each, which `launch` starts.

    Raises TrainingError when this machine does not have the devices.
    """
    config = config or DistributedConfig()
    device = resolve_device(recipe.device)
    kind, _, number = device.partition(":")
    precision = recipe.precision
    if precision == "auto":
        precision = "bf16-mixed" if _has_bfloat16(kind) else "16-mixed" if kind == "cuda" else "32-true"
    if config.world_size == 1 and config.strategy == "auto":
        runtime: Runtime = SingleDevice(
            torch.device(kind if kind == "cpu" else f"{kind}:{number or 0}"), precision
        )
    else:
        if kind == "cuda" and config.devices > torch.cuda.device_count():
            cards = count_of(torch.cuda.device_count(), "graphics card")
            raise TrainingError(
                f"This computer has {cards} that torch can use; choose as many devices, or the device “cpu”."
            )
        runtime = _make_fabric(recipe, config, kind, number, precision)
    if runtime.device.type == "cpu":
        set_cpu_threads(recipe.threads, processes=config.devices)
    return runtime


def _make_fabric(recipe: Recipe, config: DistributedConfig, kind: str, number: str, precision: str) -> Fabric:
    from lightning_fabric import Fabric  # takes a second to import

    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it logs the precision
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="lightning_fabric.*")
            return Fabric(
                accelerator=kind,
                devices=[int(number)] if number else config.devices,
                num_nodes=config.nodes,
                strategy=_strategy(recipe, config),
                precision=precision,
            )
    except Exception as error:  # Fabric raises many types
        raise TrainingError(
            f"The device “{recipe.device}” cannot be used here ({error}). Choose the device “auto”."
        ) from error


def _strategy(recipe: Recipe, spread: DistributedConfig) -> str:
    """DDP waits for the gradient of every weight; it must be told that frozen ones have none."""
    if spread.strategy == "ddp" and recipe.freeze_encoder:
        return "ddp_find_unused_parameters_true"
    return spread.strategy


def seed_everything(recipe: Recipe) -> None:
    """Seed torch, and make it deterministic when the recipe asks for it; call it before a network is built.

    An operation without a deterministic form only warns.
    """
    if recipe.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS requires it
    if recipe.deterministic != torch.are_deterministic_algorithms_enabled():  # it imports torch's compiler
        torch.use_deterministic_algorithms(recipe.deterministic, warn_only=True)
    torch.backends.cudnn.deterministic = recipe.deterministic
    torch.manual_seed(recipe.seed)


def _has_bfloat16(kind: str) -> bool:
    """Whether the hardware has bfloat16: a step is a quarter shorter with it, and much longer where it is emulated."""
    if kind == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    features = (
        torch.cpu.get_capabilities() if kind == "cpu" and hasattr(torch.cpu, "get_capabilities") else {}
    )
    return bool(features.get("avx512_bf16") or features.get("amx_bf16"))


def resolve_device(requested: str) -> str:
    """The device as torch names it; "auto" is the first of cuda, mps and cpu that this machine has.

    Raises TrainingError when this machine does not have the device.
    """
    cards, has_mps = torch.cuda.device_count(), torch.backends.mps.is_available()
    kind, _, number = requested.partition(":")
    reason = ""
    if kind == "auto":
        return "cuda" if cards else "mps" if has_mps else "cpu"
    if kind == "cuda" and not cards:
        reason = "this computer has no graphics card that torch can use"
    elif kind == "cuda" and int(number or 0) >= cards:
        reason = f"this computer has {count_of(cards, 'graphics card')}, counted from cuda:0"
    elif kind == "mps" and not has_mps:
        reason = "only a Mac with Apple silicon has it"
    if reason:
        raise TrainingError(
            f"The device “{requested}” cannot be used: {reason}. Choose the device “auto” or “cpu”."
        )
    return requested


def set_cpu_threads(threads: int | None, processes: int = 1) -> None:
    """Number of threads of torch; None: all cores this process may use, divided by `processes`."""
    if threads is None:
        threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        threads = max(1, threads // processes)
    torch.set_num_threads(threads)
