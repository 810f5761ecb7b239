"""Measure the reader: `python -m photo_set measure`, or `folder` for real photos that `label` has labelled."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bootstrap.settings import Settings
from domain.rules.brands import catalogue
from photo_set.evaluation import by_condition, counted
from photo_set.folder import LabelsUnreadable, RealPhoto, key_of, labelled, new_key, real_photos
from photo_set.photos import CONDITIONS, LabelledPhoto, Part, photos
from photo_set.running import Comparison, compared

app = typer.Typer(add_completion=False, help="Measure the reader of card photos.")
Key = Annotated[Path, typer.Option("--key", help="The key of the folder's hashes; keep it outside the folder.")]


@app.command()
def measure(
    part: Annotated[str, typer.Option(help="tuning, validation or test; figures come from test alone.")] = "test",
    each: Annotated[int, typer.Option(min=1, help="Photos of each condition.")] = 15,
    condition: Annotated[list[str] | None, typer.Option(help="Only these conditions.")] = None,
    engines: Annotated[bool, typer.Option(help="Also RapidOCR and, where it is installed, Tesseract.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write an HTML report with charts and the worst cases.")] = None,
) -> None:
    """Read photos of the set and print what was read exactly, by condition."""
    unknown = sorted(set(condition or ()) - set(CONDITIONS))
    if unknown or part.upper() not in Part.__members__:
        known = ", ".join([*CONDITIONS, *map(str.lower, Part.__members__)])
        raise typer.BadParameter(f"{', '.join(unknown) or part}: there are {known}")
    wanted = tuple(condition or CONDITIONS)
    drawn = photos(Part[part.upper()], each, wanted)
    _measured(
        drawn, each * len(wanted), engines, report, f"Reading of the photo set ({part}, {each * len(wanted)} photos)"
    )


@app.command()
def folder(
    place: Annotated[Path, typer.Argument(help="A folder of photos with labels.csv.", exists=True, file_okay=False)],
    key: Key,
    engines: Annotated[bool, typer.Option(help="Also RapidOCR and, where it is installed, Tesseract.")] = False,
    report: Annotated[
        Path | None, typer.Option(help="Write an HTML report; it holds no picture of a real card.")
    ] = None,
) -> None:
    """Read real photos and compare them with their labels."""
    try:
        real = list(real_photos(place, key_of(key)))
    except LabelsUnreadable as problem:
        raise typer.BadParameter(str(problem)) from None
    _measured(real, len(real), engines, report, f"Reading of {place.name} ({len(real)} photos)")


@app.command()
def label(
    place: Annotated[Path, typer.Argument(help="The folder of photos.", exists=True, file_okay=False)],
    photo: Annotated[str, typer.Argument(help="The photo's file name.")],
    key: Key,
    brand: Annotated[str, typer.Option(help="Code of the brand.")],
    face_value: Annotated[str, typer.Option(help="As in `500.00 CNY`.")] = "",
    expiry: Annotated[str, typer.Option(help="Last valid day, as in 2028-06-30.")] = "",
    condition: Annotated[str, typer.Option(help="What is hard about it, e.g. glare.")] = "",
) -> None:
    """Label a real photo: number and PIN are asked for, not shown, and kept as keyed hashes. A missing key file is made."""
    if brand not in catalogue():
        raise typer.BadParameter(f"{brand}: there are {', '.join(catalogue())}")
    if not key.exists():
        new_key(key)
    number = typer.prompt("Number", hide_input=True)
    pin = typer.prompt("PIN (empty for none)", hide_input=True, default="", show_default=False)
    try:
        labelled(place, key_of(key), photo, condition, brand, number, pin, face_value, expiry)
    except LabelsUnreadable as problem:
        raise typer.BadParameter(str(problem)) from None


def _measured(
    found: Iterable[LabelledPhoto | RealPhoto], many: int, engines: bool, report: Path | None, title: str
) -> None:
    from ocr.engine import PaddleEngine  # 570 MB that `--help` must not wait for.
    from ocr.photo_reader import PhotoReader
    from photo_set.engines import BarePaddle
    from photo_set.engines import engines as all_engines

    models = Settings().ocr_models_dir
    engine = PaddleEngine(models)
    others = all_engines(models, engine) if engines else [BarePaddle(models, engine)]
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("Reading photos", total=many)
        reader = PhotoReader(engine, catalogue(), engine.name)
        comparison = compared(found, reader, others, lambda: progress.advance(task))
    Console().print(_table(comparison))
    if report is not None:
        from photo_set.report import written

        report.write_text(written(comparison, title), encoding="utf-8")


def _table(found: Comparison) -> Table:
    table = Table("condition", "photos", "exact", *found.bare, "accepted", "wrong")
    for name, counts in [*by_condition(found.ours).items(), ("all", counted(found.ours))]:
        of = None if name == "all" else name
        bare = [f"{100 * found.bare_share(engine, of):.1f} %" for engine in found.bare]
        table.add_row(
            name,
            str(counts.photos),
            f"{100 * counts.exact_share:.1f} %",
            *bare,
            f"{100 * counts.coverage:.1f} %",
            str(counts.wrong),
        )
    return table


if __name__ == "__main__":
    app()
