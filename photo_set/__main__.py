"""Measure the reader: `python -m photo_set [--part test] [--each 15] [--condition NAME]… [--engines] [--report FILE]`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bootstrap.settings import Settings
from domain.rules.brands import catalogue
from photo_set.evaluation import by_condition, counted
from photo_set.photos import CONDITIONS, Part, photos
from photo_set.running import Comparison, compared


def main(
    part: Annotated[str, typer.Option(help="tuning, validation or test; figures come from test alone.")] = "test",
    each: Annotated[int, typer.Option(min=1, help="Photos of each condition.")] = 15,
    condition: Annotated[list[str] | None, typer.Option(help="Only these conditions.")] = None,
    engines: Annotated[bool, typer.Option(help="Also RapidOCR and, where it is installed, Tesseract.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write an HTML report with charts and the worst cases.")] = None,
) -> None:
    """Read photos of the set and print what was read exactly, by condition."""
    from ocr.engine import PaddleEngine  # 570 MB that `--help` must not wait for.
    from ocr.photo_reader import PhotoReader
    from photo_set.engines import BarePaddle
    from photo_set.engines import engines as all_engines

    unknown = sorted(set(condition or ()) - set(CONDITIONS))
    if unknown or part.upper() not in Part.__members__:
        raise typer.BadParameter(
            f"{', '.join(unknown) or part}: there are {', '.join([*CONDITIONS, *map(str.lower, Part.__members__)])}"
        )
    models, wanted = Settings().ocr_models_dir, tuple(condition or CONDITIONS)
    engine = PaddleEngine(models)
    others = all_engines(models, engine) if engines else [BarePaddle(models, engine)]
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("Reading photos", total=each * len(wanted))
        reader = PhotoReader(engine, catalogue(), engine.name)
        found = compared(photos(Part[part.upper()], each, wanted), reader, others, lambda: progress.advance(task))
    Console().print(_table(found))
    if report is not None:
        from photo_set.report import written

        report.write_text(
            written(found, f"Reading of the photo set ({part}, {len(found.ours)} photos)"), encoding="utf-8"
        )


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
    typer.run(main)
