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
    out: Annotated[Path, typer.Option("--out", help="A new file, .csv or .jsonl; only you can read it.")],
    clear: Annotated[bool, typer.Option("--clear", help="Numbers and PINs as they are, not masked.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before --clear.")] = False,
) -> None:
    """Write all labels to a file; who took them is put on record. / 导出全部标注，导出人记入审计"""
    from bootstrap.labels import export as write

    if clear and not yes:
        _confirm()
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
