"""`stuck`: cards that do not move, by cause, as the operations page shows them. Exit codes: 0 none stuck, 3 some are."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bootstrap.settings import Settings
from bootstrap.words import say

stuck = typer.Typer(no_args_is_help=True, help="Cards that do not move. / 卡住的卡片")
SOME_ARE_STUCK = 3
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@stuck.command("list")
def list_causes(as_json: AsJson = False) -> None:
    """List why cards are stuck, with their number and money; ends with 3 when any is. / 按原因列出卡住的卡片"""
    found = asyncio.run(_causes(Settings()))
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    elif found:
        _print(found, ("cause", "reason", "runs", "oldest", "value_minor"), right={"runs", "value_minor"})
    else:
        typer.echo(say("没有卡住的卡片。", "No card is stuck."))
    raise typer.Exit(SOME_ARE_STUCK if found else 0)


@stuck.command("show")
def show(
    cause: Annotated[str, typer.Argument(help="A cause as `stuck list` names it.")], as_json: AsJson = False
) -> None:
    """List the cards of one cause; ends with 3 when there are any. / 列出某一原因卡住的卡片"""
    found = asyncio.run(_runs(Settings(), cause))
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    elif found:
        _print(
            found,
            ("workflow_id", "since", "failures", "stage", "waiting_for", "value_minor"),
            right={"failures", "value_minor"},
        )
    else:
        typer.echo(say("没有卡片因此卡住。", "No card is stuck for this reason."))
    raise typer.Exit(SOME_ARE_STUCK if found else 0)


def _print(rows: list[dict[str, Any]], columns: tuple[str, ...], right: set[str]) -> None:
    table = Table(show_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(str(row[column]) for column in columns))
    Console().print(table)


async def _causes(settings: Settings) -> list[dict[str, Any]]:
    from bootstrap.store import opened
    from database.reads.ops.stuck import causes

    async with opened(settings) as store, store.transaction() as session:
        found = await causes(session, datetime.now(UTC))
    return [
        {
            "cause": one.cause.key, "reason": one.reason.value, "sign": one.sign.value, "error": one.error,
            "message": one.message, "runs": one.runs, "oldest": one.oldest.isoformat(timespec="seconds"),
            "value_minor": one.value.amount_minor, "trend": list(one.trend),
        }
        for one in found
    ]  # fmt: skip


async def _runs(settings: Settings, cause: str) -> list[dict[str, Any]]:
    """Every run of the cause, read page by page."""
    from bootstrap.store import opened
    from database.reads.ops.stuck import PAGE, StuckRun, runs

    found: list[StuckRun] = []
    async with opened(settings) as store, store.transaction() as session:
        while page := await runs(session, cause, (found[-1].since, found[-1].workflow_id) if found else None):
            found += page
            if len(page) < PAGE:
                break
    return [
        {
            "workflow_id": one.workflow_id, "sign": one.sign.value, "step": one.step, "failures": one.failures,
            "since": one.since.isoformat(timespec="seconds"),
            "next_at": one.next_at.isoformat(timespec="seconds") if one.next_at else None, "stage": one.stage,
            "waiting_for": one.waiting_for, "until": one.until.isoformat(timespec="seconds") if one.until else None,
            "owner": one.owner, "value_minor": one.value.amount_minor,
        }
        for one in found
    ]  # fmt: skip
