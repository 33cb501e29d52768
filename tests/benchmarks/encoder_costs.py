"""Counts the cost of every encoder and writes core/models/encoders.json; run it after an upgrade of the libraries.

    nice python -m tests.benchmarks.encoder_costs [FROM]

Takes at least ten minutes of one core; FROM continues at that number. Nothing is downloaded or computed: see
core/models/cost.py. The costs of the architectures on their default encoders go into networks.json.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from core.models.catalogue import architectures
from core.models.cost import count_operations, measure_cost
from core.models.spec import ModelSpec

MODELS = Path(__file__).parents[2] / "core" / "models"
OUT, NETWORKS = MODELS / "encoders.json", MODELS / "networks.json"


def works(make: Callable[[], nn.Module], height: int, width: int) -> bool:
    """Whether the network can be built and takes a picture of this shape."""
    try:
        try:
            with torch.device("meta"):
                model = make()
        except RuntimeError:
            model = make().to("meta")
        with torch.no_grad():
            model.eval()(torch.zeros(1, 3, height, width, device="meta"))
    except Exception:  # a thousand networks have a thousand ways to say no
        return False
    return True


def row(name: str, pretrained: bool) -> list[object] | None:
    """[million parameters, gmacs, flags]; None where it does not take pictures with any sides of multiples of 32."""
    import segmentation_models_pytorch as smp

    def encoder(**options: object) -> nn.Module:
        return smp.encoders.get_encoder(name, weights=None, **options)

    flags = "p" * pretrained
    if works(encoder, 256, 192):
        cost = count_operations(encoder)
        channels = levels(encoder)
        flags += "l" * (min(channels) > 0) + "d" * works(lambda: encoder(output_stride=8), 64, 64)
    elif name.startswith("tu-"):

        def vit() -> nn.Module:
            return smp.encoders.TimmViTEncoder(name=name[3:], pretrained=False, dynamic_img_size=True)

        if not works(vit, 256, 192):
            return None
        cost, flags = count_operations(vit), flags + "v"
    else:
        return None
    return [round(cost.parameters / 1e6, 2), round(cost.gmacs, 2), flags]


def levels(encoder: Callable[[], nn.Module]) -> list[int]:
    """Channels at 1/2, 1/4, ...; 0 where the encoder has no such level."""
    try:
        with torch.device("meta"):
            return list(encoder().out_channels)[1:]
    except RuntimeError:
        return list(encoder().out_channels)[1:]


def write(path: Path, rows: dict[str, list[object]]) -> None:
    """Write one row a line, for readable diffs."""
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(counted)}" for name, counted in rows.items())
    path.write_text("{\n" + lines + "\n}\n", "utf-8")


def count_networks() -> None:
    """Cost of every architecture on its default encoder, for ten classes."""
    rows: dict[str, list[object]] = {}
    for each in architectures():
        cost = measure_cost(ModelSpec(each.name, each.encoder, "none", 256, tuple(range(1, 11))))
        rows[each.name] = [round(cost.parameters / 1e6, 2), round(cost.gmacs, 2)]
        print(each.name, rows[each.name], file=sys.stderr, flush=True)
    write(NETWORKS, rows)


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    import segmentation_models_pytorch as smp
    import timm

    theirs = smp.encoders.encoders
    names = [(name, "imagenet" in theirs[name]["pretrained_settings"]) for name in theirs]
    names += [(f"tu-{name}", timm.is_model_pretrained(name)) for name in timm.list_models()]
    first = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    known: dict[str, list[object]] = json.loads(OUT.read_text("utf-8")) if first else {}
    for at, (name, pretrained) in enumerate(names[first:], first):
        counted = row(name, pretrained)
        if counted:
            known[name] = counted
        if at % 20 == 0:
            write(OUT, known)
        print(f"{at} of {len(names)}: {name} {counted}", file=sys.stderr, flush=True)
    write(OUT, known)
    count_networks()


if __name__ == "__main__":
    main()
