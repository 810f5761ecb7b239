"""`doctor`: what is wrong with this installation, in sentences, each with its remedy.

Exit codes: 0 all well, 1 something is broken, 2 something needs attention.
"""

import asyncio
import json
from collections.abc import Sequence
from typing import Annotated

import typer
from pydantic import ValidationError

from bootstrap.doctor.finding import Finding, Verdict, broken, verdict_of
from bootstrap.settings import Settings
from bootstrap.words import say

NAME = "doctor"
MARKS = {Verdict.BROKEN: "✗", Verdict.ATTENTION: "!"}


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of sentences.")] = False) -> None:
    """Say what is wrong with this installation and how to fix it; 0 well, 1 broken, 2 attention. / 诊断"""
    found, reader = _found()
    verdict = verdict_of(found)
    if as_json:
        rows = [
            {"code": one.code, "verdict": one.verdict.name.lower(), "said": one.said, "remedy": one.remedy}
            for one in found
        ]
        typer.echo(
            json.dumps(
                {"verdict": verdict.name.lower(), "reader": reader, "findings": rows}, indent=2, ensure_ascii=False
            )
        )
    else:
        if reader:
            typer.echo(say(f"照片识别引擎：{reader}", f"Photos are read by {reader}"))
        for one in found:
            typer.echo(f"{MARKS[one.verdict]} {one.said}\n  → {one.remedy}")
        if verdict is Verdict.WELL:
            typer.echo(say("一切正常。", "All is well."))
    raise typer.Exit(int(verdict))


def _found() -> tuple[Sequence[Finding], str]:
    """What is wrong, and the engine that reads photos; empty where it cannot be said."""
    try:
        settings = Settings()
    except ValidationError as wrong:
        return [_wrong(str(error["loc"][0] if error["loc"] else "*"), error["msg"]) for error in wrong.errors()], ""
    from bootstrap.doctor.examining import examine  # Loads the whole platform.
    from bootstrap.doctor.reader import reader_named

    return asyncio.run(examine(settings)), reader_named(settings)


def _wrong(name: str, why: str) -> Finding:
    """A setting that cannot be read; its value is not printed."""
    variable = name if name.isupper() else f"CARDLOOP_{name}".upper()
    said = say(f"设置 {variable} 无效：{why}。", f"The setting {variable} is not valid: {why}.")
    return broken("setting_invalid", said, f"{variable}=… (docs/settings.md)")
