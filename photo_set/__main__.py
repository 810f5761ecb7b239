"""Measure the reader: `python -m photo_set measure`, or `folder` for real photos that `label` has labelled.

`measure` keeps what the engine saw of each picture under `.cardloop/photo_set`: decoding is tuned without running it again.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, track
from rich.table import Table

from bootstrap.card_reader import bare_engine, load_engine, reader_over
from bootstrap.settings import Settings
from domain.rules.brands import catalogue
from ocr.calibration import FITTED, Kind, as_json, fitted
from photo_set.calibration import Scored, alike, curve_of, scored_in
from photo_set.conditions import CONDITIONS
from photo_set.evaluation import Counts, by_condition, claims, counted
from photo_set.folder import LabelsUnreadable, RealPhoto, key_of, labelled, new_key, real_photos
from photo_set.kept import KEPT, KeptEngine
from photo_set.photos import ORDINARY, LabelledPhoto, Part, photo, photos
from photo_set.running import Comparison, compared
from photo_set.spent import Spent
from photo_set.turning import STEP, turned_photos

SHOWN = (0.5, 0.7, 0.8, 0.9, 0.95, 0.99)  # Scores whose meaning `calibrate` prints.
app = typer.Typer(add_completion=False, help="Measure the reader of card photos.")
Key = Annotated[Path, typer.Option("--key", help="The key of the folder's hashes; keep it outside the folder.")]


@app.command()
def measure(
    part: Annotated[str, typer.Option(help="tuning, validation or test; figures come from test alone.")] = "test",
    each: Annotated[int, typer.Option(min=1, help="Photos of each condition.")] = 15,
    condition: Annotated[list[str] | None, typer.Option(help="Only these conditions.")] = None,
    engines: Annotated[bool, typer.Option(help="Also RapidOCR and, where it is installed, Tesseract.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write an HTML report with charts and the worst cases.")] = None,
    kept: Annotated[bool, typer.Option(help="Take what the engine saw of the same picture before.")] = True,
    threads: Annotated[int, typer.Option(min=1, help="Threads of the engine; one is best on a busy machine.")] = 2,
) -> None:
    """Read photos of the set and print what was read exactly, by condition, and where the time goes."""
    unknown = sorted(set(condition or ()) - set(CONDITIONS))
    if unknown or part.upper() not in Part.__members__:
        known = ", ".join([*CONDITIONS, *map(str.lower, Part.__members__)])
        raise typer.BadParameter(f"{', '.join(unknown) or part}: there are {known}")
    wanted = tuple(condition or CONDITIONS)
    drawn = photos(Part[part.upper()], each, wanted)
    title = f"Reading of the photo set ({part}, {each * len(wanted)} photos)"
    _measured(drawn, each * len(wanted), engines, report, title, KEPT if kept else None, threads)


@app.command()
def calibrate(
    each: Annotated[int, typer.Option(min=1, help="Photos of each condition.")] = 8,
    ordinary: Annotated[int, typer.Option(min=0, help="Further ordinary photos.")] = 40,
    out: Annotated[
        Path | None, typer.Option(help="The table to write; that of the built-in engine unless given.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads of the engine; one is best on a busy machine.")] = 2,
) -> None:
    """Fit what scores of the chosen engine mean on validation photos, and write the table that the reader uses."""
    from ocr.photo_reader import PhotoReader

    engine = load_engine(Settings(), threads)
    if out is None and not fitted().are_of(engine.name):
        raise typer.BadParameter(f"{engine.name} is not the engine of {FITTED.name}: name its table with --out")
    reader = PhotoReader(KeptEngine(engine, KEPT), catalogue(), engine.name, None)
    further = itertools.islice(photos(Part.VALIDATION, each + ordinary, (ORDINARY,)), each, None)
    drawn = itertools.chain(photos(Part.VALIDATION, each), further)
    many = each * len(CONDITIONS) + ordinary
    found: list[Scored] = []
    for one in track(drawn, "Reading photos", many, console=Console(stderr=True)):
        found += scored_in(one, reader.read_and_explain(one.jpeg, one.printed.brand)[1].secrets)
    scored, of_lattices = alike(found)
    curves = {kind: curve for kind in Kind if (curve := curve_of(scored[kind])) is not None}
    about = {
        "engine": engine.name,
        "of_lattices": of_lattices,
        "photos": many,
        "first_seed": int(Part.VALIDATION),
        "each": each,
        "ordinary": ordinary,
    }
    (out or FITTED).write_text(as_json(curves, **about), encoding="utf-8")
    table = Table("kind", "fitted by", "readings", "right", *(f"{score:g}" for score in SHOWN))
    for kind, curve in curves.items():
        table.add_row(
            kind, curve.method, str(curve.readings), str(curve.right), *(f"{curve.at(score):.3f}" for score in SHOWN)
        )
    Console().print(table)


@app.command()
def turned(
    cards: Annotated[int, typer.Option(min=1, help="Cards, each photographed at 24 angles.")] = 4,
    threads: Annotated[int, typer.Option(min=1, help="Threads of the engine; one is best on a busy machine.")] = 2,
) -> None:
    """Read the same cards turned in steps of 15° and print what was read, by angle."""
    _measured(turned_photos(cards), cards * 360 // STEP, False, None, "", KEPT, threads)


@app.command()
def sheet(
    out: Annotated[Path, typer.Argument(help="The picture to write.")],
    seed: Annotated[int, typer.Option(min=0, help="Which photo of each condition, of those for tuning.")] = 0,
) -> None:
    """Draw one photo of each condition side by side."""
    from photo_set.sheet import sheet as drawn

    drawn([photo(condition, Part.TUNING + seed) for condition in CONDITIONS]).save(out)


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
        real = real_photos(place, key_of(key))
    except LabelsUnreadable as problem:
        raise typer.BadParameter(str(problem)) from None
    many = len(real.photos)
    title = f"Reading of {place.name} ({many} photos)"
    _measured(real.photos, many, engines, report, title, refused=real.refused)


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
    found: Iterable[LabelledPhoto | RealPhoto],
    many: int,
    engines: bool,
    report: Path | None,
    title: str,
    kept: Path | None = None,
    threads: int = 2,
    refused: Mapping[str, str] | None = None,
) -> None:
    from photo_set.engines import BareEngine, BareLines, others
    from photo_set.kept import KeptTexts

    engine = KeptEngine(load_engine(Settings(), threads), kept)
    comes = KeptEngine(bare_engine(Settings(), threads), kept)
    beside: list[BareEngine] = others() if engines else []
    bare: list[BareEngine] = [BareLines(comes), *(KeptTexts(one, kept) if kept else one for one in beside)]
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("Reading photos", total=many)
        comparison = compared(
            found, reader_over(engine, catalogue(), Settings()), bare, lambda: progress.advance(task), engine.spent
        )
    comparison.refused = dict(refused or {})
    Console().print(_table(comparison))
    Console().print(_fields(comparison))
    Console().print(_claims(comparison))
    if comparison.refused:
        Console().print(_refused(comparison.refused))
    Console().print(_time(engine.spent, many))
    if report is not None:
        from photo_set.report import written

        report.write_text(written(comparison, title), encoding="utf-8")


def _table(found: Comparison) -> Table:
    """Number and PIN beside other engines, and what needs no person by the product's rule."""
    table = Table("condition", "photos", "exact", *found.bare, "accepted", "wrong")
    for name, counts in _rows(found):
        bare = [_percent(found.bare_share(engine, None if name == "all" else name)) for engine in found.bare]
        accepted = (_percent(counts.whole.coverage), str(counts.whole.wrong))
        table.add_row(name, str(counts.photos), _percent(counts.exact_share), *bare, *accepted)
    return table


def _fields(found: Comparison) -> Table:
    """The other fields, and what needs no person by number and PIN alone."""
    table = Table("condition", "brand", "face value", "expiry", "by number and PIN: accepted", "wrong")
    for name, counts in _rows(found):
        exact = [_percent(counts.share(one)) for one in (counts.brand, counts.face_value, counts.expiry)]
        table.add_row(name, *exact, _percent(counts.secrets.coverage), str(counts.secrets.wrong))
    return table


def _claims(found: Comparison) -> Table:
    """Whether the least sure field promises too much for the whole card."""
    table = Table(
        "cards with number and PIN", "least sure field, mean", "product of all fields, mean", "all fields right"
    )
    for one in claims(found.ours):
        table.add_row(
            str(one.cards), f"{one.least:.3f}", f"{one.product:.3f}", f"{one.right} ({_percent(one.right / one.cards)})"
        )
    return table


def _rows(found: Comparison) -> list[tuple[str, Counts]]:
    return [*by_condition(found.ours).items(), ("all", counted(found.ours))]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _refused(refused: Mapping[str, str]) -> Table:
    table = Table(f"{len(refused)} refused, as the product would", "reason")
    for name, reason in refused.items():
        table.add_row(escape(name), reason)
    return table


def _time(spent: Spent, photos: int) -> Table:
    table = Table("engine", "calls a photo", "seconds a photo")
    for kind, calls in spent.calls.items():
        table.add_row(kind, f"{calls / max(1, photos):.1f}", f"{spent.seconds[kind] / max(1, photos):.2f}")
    return table


if __name__ == "__main__":
    app()
