"""Counts every encoder we can use and writes core/models/encoders.json; run it when the libraries were renewed.

    nice python -m tests.benchmarks.encoder_costs

Takes some ten minutes on one core. Nothing is downloaded and nothing computed: see core/models/cost.py.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from core.models.cost import count

OUT = Path(__file__).parents[2] / "core" / "models" / "encoders.json"


def works(make: Callable[[], nn.Module], height: int, width: int) -> bool:
    """Whether it can be built and takes a picture of this shape."""
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
    """[million parameters, gmacs, flags]; None where it does not take any picture with sides of 32s."""
    import segmentation_models_pytorch as smp

    def encoder(**options: object) -> nn.Module:
        return smp.encoders.get_encoder(name, weights=None, **options)

    flags = "p" * pretrained
    if works(encoder, 256, 192):
        cost = count(encoder)
        with torch.device("cpu"):
            channels = levels(encoder)
        flags += "l" * (min(channels) > 0) + "d" * works(lambda: encoder(output_stride=8), 64, 64)
    elif name.startswith("tu-"):

        def vit() -> nn.Module:
            return smp.encoders.TimmViTEncoder(name=name[3:], pretrained=False, dynamic_img_size=True)

        if not works(vit, 256, 192):
            return None
        cost, flags = count(vit), flags + "v"
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


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    import segmentation_models_pytorch as smp
    import timm

    names = [(n, "imagenet" in smp.encoders.encoders[n]["pretrained_settings"]) for n in smp.encoders.get_encoder_names()]
    names += [(f"tu-{n}", timm.is_model_pretrained(n)) for n in timm.list_models()]
    known: dict[str, object] = {}
    for at, (name, pretrained) in enumerate(names):
        counted = row(name, pretrained)
        if counted:
            known[name] = counted
        print(f"{at + 1} of {len(names)}: {name} {counted}", file=sys.stderr, flush=True)
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(counted)}" for name, counted in known.items())
    OUT.write_text("{\n" + lines + "\n}\n", "utf-8")
    print(f"{len(known)} of {len(names)} encoders in {OUT}")


if __name__ == "__main__":
    main()
