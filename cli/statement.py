"""`statement`: files of providers and banks, brought from the command line."""

import asyncio
import json
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from bootstrap.settings import Settings
from bootstrap.words import Problem, say

statement = typer.Typer(no_args_is_help=True, help="Statements of providers and banks. / 支付渠道与银行账单")


@statement.callback()
def _several() -> None:
    """Makes `statement` a family of commands although it has one so far."""


@statement.command("import")
def bring(
    file: Annotated[Path, typer.Argument(help="The file as it was downloaded: ZIP or CSV.")],
    day: Annotated[str, typer.Option("--day", help="Day of a file without lines that names none, as 2026-11-28.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Import a statement, match it with the books, and say what became of it. / 导入账单并与账簿核对"""
    from bootstrap.statements import bring as imported

    found = asyncio.run(imported(Settings(), file, _day(day)))
    if as_json:
        typer.echo(json.dumps(asdict(found)))
        return
    if found.known:
        typer.echo(say("此文件之前已导入，未重复计入。", "This file was imported before; nothing was counted twice."))
    typer.echo(
        say(
            f"新增 {found.lines} 笔，自动匹配 {found.matched} 笔，未接受 {found.rejected} 行。",
            f"{found.lines} lines, {found.matched} of them matched, {found.rejected} rejected.",
        )
    )


def _day(written: str) -> date | None:
    try:
        return date.fromisoformat(written) if written else None
    except ValueError:
        raise Problem("日期写作 2026-11-28。", "A day is written as 2026-11-28.") from None
