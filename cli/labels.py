"""`labels`: what people made of the machine's readings, as a file for teaching and measuring the reader."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from bootstrap.settings import Settings
from bootstrap.words import Problem, say

labels = typer.Typer(no_args_is_help=True, help="Labelled readings. / 识别结果标注")


@labels.callback()
def _several() -> None:
    """Makes `labels` a family of commands although it has one so far."""


@labels.command("export")
def export(
    out: Annotated[
        Path,
        typer.Option("--out", help="A new file, .csv or .jsonl, or a new folder with --key; only you can read it."),
    ],
    key: Annotated[
        Path | None, typer.Option("--key", help="Export a folder of photos, hashed and sealed with this key file.")
    ] = None,
    open_photos_for: Annotated[
        str, typer.Option("--open-photos-for", help="Photos unsealed, for this person, who may export labels.")
    ] = "",
    clear: Annotated[bool, typer.Option("--clear", help="Numbers and PINs as they are, not masked.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before --clear.")] = False,
) -> None:
    """Write all labels to a file; who took them is put on record. / 导出全部标注，导出人记入审计"""
    from bootstrap.labels import export as write
    from bootstrap.labels import export_folder

    if (clear or open_photos_for) and not yes:
        _confirm()
    if key is not None:
        photos = asyncio.run(export_folder(Settings(), out, key, open_photos_for=open_photos_for))
        typer.echo(say(f"已导出 {photos} 张带标注的照片到 {out}。", f"{photos} labelled photos are in {out}."))
        return
    number = asyncio.run(write(Settings(), out, clear=clear))
    typer.echo(say(f"已导出 {number} 条标注到 {out}。", f"{number} labels are in {out}."))


def _confirm() -> None:
    question = say(
        "文件将包含完整的卡号和卡密，导出会记入审计。确定导出吗？",
        "The file will hold card numbers and PINs in full, and the export is put on record. Write it?",
    )
    if not sys.stdin.isatty():
        raise Problem(f"{question}（请加 --yes）", f"{question} (say --yes)")
    typer.confirm(question, abort=True)
