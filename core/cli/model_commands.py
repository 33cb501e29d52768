"""The commands models, model export and model import: list networks, and exchange trained ones as files."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.base.errors import ModelError
from core.base.text import count_of
from core.cli.common_options import JsonOption, ProjectOption, RunOption, open_existing
from core.cli.terminal import UsageError, open_for_writing, print_result, progress_bar, report_errors
from core.evaluation.run_choice import NEWEST, find_run
from core.labels.class_list import ClassList, default_colour
from core.models.catalogue import (
    NAMED_NETWORKS,
    Architecture,
    Encoder,
    architectures,
    encoders,
    matches,
    network_cost,
    pretrained_text,
    resolve_network,
    search_encoders,
)
from core.models.networks.packaged_weights import is_packaged
from core.models.spec import ModelSpec
from core.project.project import Project, find_home
from core.session.models.model_exporter import make_export_job
from core.training.recipe import Recipe

if TYPE_CHECKING:
    from core.models.import_job import ImportedClass
    from core.models.model_import import ImportedModel

MAX_ENCODERS_SHOWN = 40
"""Encoders in the text output; --json lists all."""

model_app = typer.Typer(name="model", help="Export and import trained networks.")


def models_command(
    search: Annotated[str, typer.Argument(help="Words that the name must contain.")] = "",
    arch: Annotated[str | None, typer.Option(help="Print the size of this network ...")] = None,
    encoder: Annotated[str | None, typer.Option(help="... with this encoder.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List networks and encoders. Sizes are in millions of parameters, and GMACs for a 256 x 256 picture."""
    with report_errors():
        if arch is not None or encoder is not None:
            print_result(*_counted(arch or "unet", encoder, as_json))
            return
        rows = [row for row in architectures() if matches(search, row.name, row.title, row.idea)]
        pairs = [pair for pair in NAMED_NETWORKS if matches(search, pair.name, pair.title)]
        found_encoders = search_encoders(search, encoders())
        result = {
            "architectures": [_architecture_json(row) for row in rows],
            "named": [asdict(pair) for pair in pairs],
            "encoders": [_encoder_json(one) for one in found_encoders],
        }
        lines = [_line(row.name, *network_cost(row.name), row.idea) for row in rows]
        lines += [
            f"{pair.name:24} {pair.title}: --arch {pair.architecture} --encoder {pair.encoder}"
            for pair in pairs
        ]
        lines += ["", "Encoders:"] if found_encoders else []
        lines += [
            _line(one.name, one.parameters, one.gmacs, pretrained_text(one))
            for one in found_encoders[:MAX_ENCODERS_SHOWN]
        ]
        if len(found_encoders) > MAX_ENCODERS_SHOWN:
            lines.append(
                f"... and {len(found_encoders) - MAX_ENCODERS_SHOWN} more; search for a word, or add --json."
            )
        print_result(result, as_json, lines or [f"No network or encoder has “{search}” in its name."])


@model_app.command("export")
def export_command(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A .onnx, .pt2 or .safetensors file.")],
    project: ProjectOption = Path(),
    run: RunOption = None,
    as_json: JsonOption = False,
) -> None:
    """Export a trained network for use elsewhere, and compare its predictions with Maskloop's."""
    with report_errors():
        with Project.open_read_only(project) as opened:
            job = make_export_job(opened, out, run)
        from core.models.export import export_model

        with progress_bar("Exporting", quiet=as_json) as bar:
            exported = export_model(job, lambda _what, done, of: bar(done, of))
        print_result(
            asdict(exported), as_json, [exported.message, f"Its classes are in {exported.classes_file}."]
        )


@model_app.command("import")
def import_command(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A .safetensors file, or a .pt file that contains only weights."),
    ],
    project: ProjectOption = Path(),
    arch: Annotated[
        str | None, typer.Option(help="Architecture of plain weights: unet, deeplabv3 ...")
    ] = None,
    encoder: Annotated[str | None, typer.Option(help="Encoder of plain weights, such as resnet34.")] = None,
    size: Annotated[int, typer.Option(help="Input size: the longer side of pictures in pixels.")] = 256,
    classes: Annotated[
        str,
        typer.Option(
            help="Class names of plain weights, separated by commas, in the order of the output channels."
        ),
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Import trained weights into a project: they predict from now on, and training can start from them."""
    with report_errors():
        find_home(project)
        from core.models.checkpoint import save_checkpoint
        from core.models.import_process import read_foreign_model

        imported = read_foreign_model(file, arch, encoder, size)
        named = _named(imported, classes)
        with open_for_writing(project, None, "maskloop model import") as opened:
            listed, values = _matched(opened.classes.read(), named)
            spec = ModelSpec.from_json({**imported.spec.to_json(), "class_values": values})
            added = [c.name for c in listed if opened.classes.read().by_name(c.name) is None]
            if added:
                opened.classes.save(listed)
            run = opened.runs.start(json.dumps(spec.to_json()), json.dumps(Recipe().to_json()), None, 0)
            try:
                save_checkpoint(opened.run_folder(run.id), imported.model, spec, {"imported": file.name})
            except ModelError as problem:
                opened.runs.end(run.id, "failed", str(problem))
                raise
            opened.runs.update(run.id, published=1)
            opened.runs.end(run.id, "finished", f"Imported from {file.name}.")
            opened.runs.use(run.id)
        result = {
            "run": run.id,
            "architecture": spec.architecture,
            "encoder": spec.encoder,
            "classes": [c.name for c in named],
            "added": added,
        }
        classes_text = count_of(len(named), "class", "classes")
        lines = [f"{file.name} was imported as run {run.id}: {spec.architecture} with {classes_text}."]
        if added:
            lines.append(f"These classes are new in the project: {', '.join(added)}.")
        print_result(result, as_json, lines)


@model_app.command("use")
def use_command(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Number of a run, or newest.")],
    project: ProjectOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """Choose the network in use: it predicts from now on, and the next training in the window continues it."""
    if run != NEWEST and not run.isdecimal():
        raise typer.BadParameter("give the number of a run, or newest.")
    with report_errors(), open_existing(project, "maskloop model use") as opened:
        chosen, before = find_run(opened, run), opened.runs.in_use()
        opened.runs.choose(chosen.id)
        was = f" instead of run {before.id}" if before and before.id != chosen.id else ""
        line = f"Run {chosen.id} is in use{was}. Predict with it: maskloop predict --images all"
        print_result({"run": chosen.id, "before": before.id if before else None}, as_json, [line])


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
        "packaged": is_packaged(one.name),
    }


def _line(name: str, parameters: float, gmacs: float, idea: str) -> str:
    return f"{name:24} {parameters:7.1f} M {gmacs:7.1f} GMACs  {idea}".rstrip()


def _named(imported: ImportedModel, classes: str) -> tuple[ImportedClass, ...]:
    """The classes of a model: those of the file, or those given by name if the file has none. Raises UsageError."""
    from core.models.import_job import ImportedClass

    count = len(imported.spec.class_values)
    names = [name.strip() for name in classes.split(",") if name.strip()]
    if imported.classes and names:
        raise UsageError("The file contains its class names; leave --classes out.")
    if imported.classes:
        return imported.classes
    if len(names) != count:
        classes_text = count_of(count, "class", "classes")
        raise UsageError(f"These weights have {classes_text}. Name them: --classes a,b,c")
    return tuple(ImportedClass(name, default_colour(at)) for at, name in enumerate(names, 1))


def _matched(known: ClassList, named: tuple[ImportedClass, ...]) -> tuple[ClassList, list[int]]:
    """The project's class list with the missing classes added, and the value of each imported class, by name."""
    listed = known
    for each in named:
        if listed.by_name(each.name) is None:
            listed = listed.with_class(each.name, each.colour)
    values = [found.value for each in named if (found := listed.by_name(each.name)) is not None]
    if len(set(values)) < len(named):
        raise ModelError("The network has two classes of the same name, so they cannot be distinguished.")
    return listed, values
