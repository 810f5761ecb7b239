"""`repair`: draft and preview a repair, run, suspend, resume and cancel it, and see how it fares.

Exit codes: 0 done as asked, or every item cured; 1 refused; 3 under way or not started; 4 ended, and not all is cured;
5 waits for a second person, who agrees in the console.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bootstrap.settings import Settings
from bootstrap.words import Problem, say
from domain.ops.repairs import ItemState, RepairKind

repair = typer.Typer(no_args_is_help=True, help="Repairs of cards that do not move. / 修复卡住的卡片")
UNDER_WAY, NOT_CURED, WAITS = 3, 4, 5
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
As = Annotated[str, typer.Option("--as", help="E-mail address of the person who does it.")]
RepairId = Annotated[str, typer.Argument(help="The repair's id.")]


@repair.command("preview")
def preview(
    kind: Annotated[RepairKind, typer.Argument(help="What is done to each card.")],
    by: As,
    reason: Annotated[str, typer.Option("--reason", help="A reason of the managed list, e.g. provider_back.")],
    cause: Annotated[str, typer.Option("--cause", help="A cause as `stuck list` names it.")] = "",
    runs: Annotated[str, typer.Option("--runs", help="A file with card ids; - reads standard input.")] = "",
    option: Annotated[list[str] | None, typer.Option("--option", help="An option of the kind, name=value.")] = None,
    canary: Annotated[int | None, typer.Option(help="So many cards first.")] = None,
    rate: Annotated[int | None, typer.Option(help="Cards per second.")] = None,
    note: str = "",
    as_json: AsJson = False,
) -> None:
    """Draft a repair and show what it would do; nothing is done yet. / 起草修复并预览"""
    from services.ops.repairs.desk import RepairPlan, Repairs
    from services.ops.repairs.sources import Named, OfCause, pasted

    if bool(cause) == bool(runs):
        raise typer.BadParameter("--cause, or --runs")
    chosen = OfCause(cause) if cause else Named(pasted(_read(runs)))
    plan = RepairPlan(kind, reason, dict(map(_option, option or ())), note, canary, rate)

    async def drafted(desk: Repairs, person: str) -> str:
        repair_id = await desk.draft(person, plan, chosen)
        await desk.preview(person, repair_id)
        return repair_id

    _show(asyncio.run(_acted("preview", by, drafted)), as_json)


@repair.command("run")
def run(repair_id: RepairId, by: As, as_json: AsJson = False) -> None:
    """Submit a previewed repair; ends with 5 when a second person must agree. / 提交修复"""
    found = asyncio.run(_acted("run", by, lambda desk, person: _of(desk.submit(person, repair_id), repair_id)))
    _show(found, as_json)
    raise typer.Exit(WAITS if found["state"] == "waiting" else 0)


@repair.command("suspend")
def suspend(repair_id: RepairId, by: As, as_json: AsJson = False) -> None:
    """Suspend a running repair. / 暂停修复"""
    _show(
        asyncio.run(_acted("suspend", by, lambda desk, person: _of(desk.suspend(person, repair_id), repair_id))),
        as_json,
    )


@repair.command("resume")
def resume(repair_id: RepairId, by: As, as_json: AsJson = False) -> None:
    """Resume a suspended repair. / 继续修复"""
    _show(
        asyncio.run(_acted("resume", by, lambda desk, person: _of(desk.resume(person, repair_id), repair_id))), as_json
    )


@repair.command("cancel")
def cancel(repair_id: RepairId, by: As, as_json: AsJson = False) -> None:
    """Cancel a repair; what was done stays. / 取消修复"""
    _show(
        asyncio.run(_acted("cancel", by, lambda desk, person: _of(desk.cancel(person, repair_id), repair_id))), as_json
    )


@repair.command("status")
def status(
    repair_id: Annotated[str, typer.Argument(help="A repair's id; without it, the newest repairs.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show one repair, or the newest ones. / 查看修复"""
    if not repair_id:
        _list(asyncio.run(_newest(Settings())), as_json)
        return
    found = asyncio.run(_found(Settings(), repair_id))
    _show(found, as_json)
    if found["ended_at"] is None:
        raise typer.Exit(WAITS if found["state"] == "waiting" else UNDER_WAY)
    raise typer.Exit(0 if found["state"] == "done" else NOT_CURED)


async def _acted(command: str, email: str, act: "Callable[[Any, str], Awaitable[str]]") -> dict[str, Any]:
    """Act as a person and return the repair; who ran the command is on record beside it. Raises Problem with a refusal's sentence."""
    from sqlalchemy import select

    from bootstrap.os_user import os_user
    from bootstrap.store import opened
    from database.repositories.audit import by_person
    from database.tables.people import PersonRow
    from domain.errors.base import Refusal
    from languages import translate
    from services.ops.repairs.desk import Repairs
    from services.policies.reading import PolicyReader

    async with opened(Settings()) as store:
        await PolicyReader(store).refresh()
        async with store.transaction() as session:
            address = email.strip().lower()
            person = (
                await session.execute(select(PersonRow.id).where(PersonRow.email == address))
            ).scalar_one_or_none()
        if person is None:
            raise Problem(f"没有 {address} 这个人。", f"No person here has the address {address}.")
        try:
            repair_id = await act(Repairs(store), person)
        except Refusal as refused:
            sentences = [translate(f"error.{refused.code}", locale, refused.data) for locale in ("zh_CN", "en")]
            raise Problem(*sentences) from None
        async with store.transaction() as session:
            session.add(by_person(person, f"cli:repair:{command}", repair_id, facts={"os_user": os_user()}))
    return await _found(Settings(), repair_id)


async def _of(acting: Awaitable[object], repair_id: str) -> str:
    await acting
    return repair_id


async def _found(settings: Settings, repair_id: str) -> dict[str, Any]:
    from bootstrap.store import opened
    from database.reads.ops.repairs import as_json, repair

    async with opened(settings) as store, store.transaction() as session:
        found = await repair(session, repair_id)
    if found is None:
        raise Problem(f"没有修复 {repair_id}。", f"There is no repair {repair_id}.")
    return as_json(found)


async def _newest(settings: Settings) -> list[dict[str, Any]]:
    from bootstrap.store import opened
    from database.reads.ops.repairs import as_json, repairs

    async with opened(settings) as store, store.transaction() as session:
        return [as_json(one) for one in await repairs(session)]


def _show(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    table = Table(show_edge=False, show_header=False)
    for name in ("id", "kind", "state", "suspended_why", "reason", "items", "value_minor"):
        if found[name] is not None:
            table.add_row(name, str(found[name]))
    for state in ItemState:
        if number := found["counts"][state.value]:
            table.add_row(f"  {state.value}", str(number))
    for reason, number in found["excluded"].items():
        table.add_row(f"    {reason}", str(number))
    for error in found["errors"]:
        table.add_row(f"    {error['error']}", f"{error['items']} {error['message']}")
    Console().print(table)


def _list(found: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    if not found:
        typer.echo(say("还没有修复。", "There are no repairs yet."))
        return
    table = Table(show_edge=False)
    for column in ("id", "kind", "state", "items", "cured"):
        table.add_column(column, justify="right" if column in ("items", "cured") else "left", overflow="fold")
    for one in found:
        table.add_row(one["id"], one["kind"], one["state"], str(one["items"]), str(one["counts"]["cured"]))
    Console().print(table)


def _read(runs: str) -> str:
    return sys.stdin.read() if runs == "-" else Path(runs).read_text(encoding="utf-8")


def _option(given: str) -> tuple[str, Any]:
    """`first_s=5` as a name and its value: a number, true or false, or text."""
    name, _, value = given.partition("=")
    if value in ("true", "false"):
        return name, value == "true"
    return name, int(value) if value.isdigit() else value
