"""models, model export, model import: which networks there are, and trained ones as files."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.base.errors import ModelError
from core.cli.terminal import UsageError, open_for_writing, print_result, progress_bar, report_errors
from core.labels.class_list import ClassList, default_colour
from core.models.catalogue import (
    NAMED_NETWORKS,
    Architecture,
    Encoder,
    architectures,
    encoders,
    matches,
    network_cost,
    resolve_network,
    search_encoders,
)
from core.models.spec import ModelSpec
from core.project.project import Project, find_home
from core.session.models.model_exporter import make_export_job
from core.training.recipe import Recipe

if TYPE_CHECKING:
    from core.models.weights_import import ImportedClass, ImportedModel

ProjectOption = Annotated[
    Path, typer.Option("--project", help="The folder of pictures, or the project folder itself.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
MAX_ENCODERS_SHOWN = 40
"""Encoders in a list for people; --json has them all."""

model_app = typer.Typer(name="model", help="Trained networks out of a project and into it.")


def models_command(
    search: Annotated[str, typer.Argument(help="Words that a name must have.")] = "",
    arch: Annotated[str | None, typer.Option(help="Count this network ...")] = None,
    encoder: Annotated[str | None, typer.Option(help="... on this encoder.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List networks and encoders with millions of weights and GMACs for a picture of 256 x 256."""
    with report_errors():
        if arch is not None or encoder is not None:
            print_result(*_counted(arch or "unet", encoder, as_json))
            return
        rows = [row for row in architectures() if matches(search, row.name, row.title, row.idea)]
        pairs = [pair for pair in NAMED_NETWORKS if matches(search, pair.name, pair.title)]
        ways_down = search_encoders(search, encoders())
        result = {
            "architectures": [_architecture_json(row) for row in rows],
            "named": [asdict(pair) for pair in pairs],
            "encoders": [_encoder_json(one) for one in ways_down],
        }
        lines = [_line(row.name, *network_cost(row.name), row.idea) for row in rows]
        lines += [
            f"{pair.name:24} {pair.title}: --arch {pair.architecture} --encoder {pair.encoder}"
            for pair in pairs
        ]
        lines += ["", "Encoders:"] if ways_down else []
        lines += [
            _line(one.name, one.parameters, one.gmacs, "ImageNet" if one.pretrained else "")
            for one in ways_down[:MAX_ENCODERS_SHOWN]
        ]
        if len(ways_down) > MAX_ENCODERS_SHOWN:
            lines.append(
                f"... and {len(ways_down) - MAX_ENCODERS_SHOWN} more; search for a word, or add --json."
            )
        print_result(result, as_json, lines or [f"No network and no encoder has “{search}” in its name."])


@model_app.command("export")
def export_command(
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="A file that ends in .onnx, .pt2 or .safetensors.")
    ],
    project: ProjectOption = Path(),
    run: Annotated[
        int | None, typer.Option("--run", help="Which run's weights; the newest by default.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a trained network for use elsewhere, and compare it with our own predictions."""
    with report_errors():
        with Project.open_read_only(project) as opened:
            job = make_export_job(opened, out, run)
        from core.models.export import export_model

        with progress_bar("Exporting", quiet=as_json) as bar:
            delivered = export_model(job, lambda _what, done, of: bar(done, of))
        print_result(
            asdict(delivered), as_json, [delivered.message, f"Its classes are in {delivered.classes_file}."]
        )


@model_app.command("import")
def import_command(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A .safetensors, or a .pt that holds only weights.")
    ],
    project: ProjectOption = Path(),
    arch: Annotated[str | None, typer.Option(help="What plain weights are of: unet, deeplabv3 ...")] = None,
    encoder: Annotated[str | None, typer.Option(help="Its encoder, such as resnet34.")] = None,
    size: Annotated[int, typer.Option(help="Long side in pixels at which it is to look.")] = 256,
    classes: Annotated[
        str,
        typer.Option(help="Names of plain weights' classes, with commas between, in the order of the head."),
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Bring trained weights into a project: they predict from now on, and the next training can start from them."""
    with report_errors():
        find_home(project)
        from core.models.checkpoint import save_checkpoint
        from core.models.weights_import import read_model

        arrived = read_model(file, arch, encoder, size)
        named = _named(arrived, classes)
        with open_for_writing(project, None, "maskloop model import") as opened:
            listed, values = _matched(opened.classes.read(), named)
            spec = ModelSpec.from_json({**arrived.spec.to_json(), "class_values": values})
            added = [c.name for c in listed if opened.classes.read().by_name(c.name) is None]
            if added:
                opened.classes.save(listed)
            run = opened.runs.start(json.dumps(spec.to_json()), json.dumps(Recipe().to_json()), None, 0)
            try:
                save_checkpoint(opened.run_folder(run.id), arrived.model, spec, {"imported": file.name})
            except ModelError as problem:
                opened.runs.end(run.id, "failed", str(problem))
                raise
            opened.runs.update(run.id, published=1)
            opened.runs.end(run.id, "finished", f"Imported from {file.name}.")
        result = {
            "run": run.id,
            "architecture": spec.architecture,
            "encoder": spec.encoder,
            "classes": [c.name for c in named],
            "added": added,
        }
        lines = [f"{file.name} is run {run.id}: {spec.architecture} with {len(named)} classes."]
        print_result(result, as_json, lines + ([f"New classes: {', '.join(added)}."] if added else []))


def _counted(arch: str, encoder: str | None, as_json: bool) -> tuple[dict[str, Any], bool, list[str]]:
    name, chosen = resolve_network(arch, encoder)
    from core.models.cost import measure_cost

    cost = measure_cost(ModelSpec(name, chosen, "none", 256, tuple(range(1, 11))))
    result = {
        "architecture": name,
        "encoder": chosen,
        "parameters": cost.parameters,
        "gmacs": round(cost.gmacs, 3),
    }
    return result, as_json, [_line(f"{name} {chosen or ''}", cost.parameters / 1e6, cost.gmacs, "")]


def _architecture_json(row: Architecture) -> dict[str, Any]:
    parameters, gmacs = network_cost(row.name)
    return {
        "name": row.name,
        "title": row.title,
        "idea": row.idea,
        "encoder": row.encoder,
        "million_parameters": parameters,
        "gmacs": gmacs,
    }


def _encoder_json(one: Encoder) -> dict[str, Any]:
    return {
        "name": one.name,
        "million_parameters": one.parameters,
        "gmacs": one.gmacs,
        "imagenet": one.pretrained,
    }


def _line(name: str, parameters: float, gmacs: float, idea: str) -> str:
    return f"{name:24} {parameters:7.1f} M {gmacs:7.1f} GMACs  {idea}".rstrip()


def _named(arrived: ImportedModel, classes: str) -> tuple[ImportedClass, ...]:
    """Its classes, by the names given where the file has none."""
    from core.models.weights_import import ImportedClass

    count = len(arrived.spec.class_values)
    names = [name.strip() for name in classes.split(",") if name.strip()]
    if arrived.classes and names:
        raise UsageError("The file names its classes itself; leave --classes out.")
    if arrived.classes:
        return arrived.classes
    if len(names) != count:
        raise UsageError(f"These weights tell {count} classes apart. Name them: --classes a,b,c")
    return tuple(ImportedClass(name, default_colour(at)) for at, name in enumerate(names, 1))


def _matched(known: ClassList, named: tuple[ImportedClass, ...]) -> tuple[ClassList, list[int]]:
    """The project's classes with those it lacked, and the value of each arriving one, found by name."""
    listed = known
    for each in named:
        if listed.by_name(each.name) is None:
            listed = listed.with_class(each.name, each.colour)
    values = [found.value for each in named if (found := listed.by_name(each.name)) is not None]
    if len(set(values)) < len(named):
        raise ModelError("The network has two classes of the same name, so that they cannot be told apart.")
    return listed, values
