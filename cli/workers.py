"""`workers`: worker processes, and their drain: a drained worker finishes what runs, ends, and stays away until it is undrained."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bootstrap.settings import Settings
from bootstrap.words import Problem, say

workers = typer.Typer(no_args_is_help=True, help="Worker processes. / 工作进程")
Name = Annotated[str, typer.Argument(help="A worker as `workers list` names it.")]
SHOWN = ("name", "state", "build_id", "pid", "used", "slots", "beat_at", "drain_why")


@workers.command("list")
def list_workers(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """List worker processes with their state, build and slots. / 列出工作进程"""
    found = asyncio.run(_list(Settings()))
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    table = Table(*SHOWN, show_edge=False)
    for row in found:
        table.add_row(*(str(row[column]) for column in SHOWN))
    Console().print(table)


@workers.command("drain")
def drain(name: Name, why: Annotated[str, typer.Option("--why", help="The reason, for the audit record.")]) -> None:
    """Let a worker finish what runs and end; it is not started again before `undrain`. / 排空工作进程"""
    asyncio.run(_drain(Settings(), name, why))
    typer.echo(say(f"{name} 将完成正在执行的步骤后退出。", f"{name} finishes its running steps and ends."))


@workers.command("undrain")
def undrain(name: Name) -> None:
    """Lift a drain: the worker starts again within seconds. / 解除排空"""
    asyncio.run(_undrain(Settings(), name))
    typer.echo(say(f"已解除 {name} 的排空。", f"The drain of {name} is lifted."))


async def _list(settings: Settings) -> list[dict[str, Any]]:
    from bootstrap.store import opened
    from database.reads.ops.workers import processes

    async with opened(settings) as store, store.transaction() as session:
        found = await processes(session, datetime.now(UTC))
    return [
        {
            "name": one.name, "state": one.state.value, "kind": one.kind, "host": one.host, "pid": one.pid,
            "build_id": one.build_id, "used": one.used, "slots": sum(use.slots for use in one.queues.values()),
            "queues": sorted({queue for queue, _ in one.queues}),
            "started_at": one.started_at.isoformat(timespec="seconds"),
            "beat_at": one.beat_at.isoformat(timespec="seconds"), "drain_by": one.drain_by, "drain_why": one.drain_why,
        }
        for one in found
    ]  # fmt: skip


async def _drain(settings: Settings, name: str, why: str) -> None:
    from bootstrap.os_user import os_user
    from bootstrap.store import opened
    from domain.errors.general import FieldInvalid, NotFound
    from services.ops.workers import COMMAND_LINE, Workers

    async with opened(settings) as store:
        try:
            await Workers(store).drain(COMMAND_LINE + os_user(), name, why)
        except NotFound:
            raise _unknown(name) from None
        except FieldInvalid:
            raise Problem(
                "请用 --why 说明原因（最多 200 字）。", "Say why with --why, in 200 characters at most."
            ) from None


async def _undrain(settings: Settings, name: str) -> None:
    from bootstrap.os_user import os_user
    from bootstrap.store import opened
    from domain.errors.general import NotFound
    from services.ops.workers import COMMAND_LINE, Workers

    async with opened(settings) as store:
        try:
            await Workers(store).undrain(COMMAND_LINE + os_user(), name)
        except NotFound:
            raise _unknown(name) from None


def _unknown(name: str) -> Problem:
    return Problem(
        f"没有名为 {name} 的工作进程（见 workers list）。", f"There is no worker {name}: see `workers list`."
    )
