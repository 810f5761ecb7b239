"""`workflow`: what Temporal keeps of one workflow."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from bootstrap.settings import Settings
from bootstrap.words import say

workflow = typer.Typer(no_args_is_help=True, help="Workflows in Temporal. / Temporal 工作流")


@workflow.callback()
def _several() -> None:
    """Makes `workflow` a family of commands although it has one so far."""


@workflow.command("export")
def export(
    workflow_id: Annotated[str, typer.Argument(help="Such as card:01J…")],
    out: Annotated[Path, typer.Option("--out", help="A new file; only you can read it.")],
    decoded: Annotated[
        bool, typer.Option("--decoded", help="Open the payloads, to read the history; put on record.")
    ] = False,
) -> None:
    """Write the history of a workflow as JSON, to replay or to read it. / 导出工作流历史"""
    from bootstrap.histories import export as write

    events = asyncio.run(write(Settings(), workflow_id, out, opened_payloads=decoded))
    typer.echo(say(f"{events} 个事件已保存到 {out}。", f"{events} events are in {out}."))
