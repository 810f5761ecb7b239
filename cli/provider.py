"""`provider maintenance`: hold the calls to a provider, resume them, and show its state.

Exit codes: 0 done, or nothing is in maintenance; 1 refused; 3 some provider is in maintenance (`status`).
"""

import asyncio
import json
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from bootstrap.settings import Settings
from bootstrap.words import Problem, say

provider = typer.Typer(no_args_is_help=True, help="Providers. / 对方系统")
maintenance = typer.Typer(no_args_is_help=True, help="Maintenance of a provider. / 对方系统的维护")
provider.add_typer(maintenance, name="maintenance")
IN_MAINTENANCE = 3
Named = Annotated[str, typer.Argument(help="E.g. issuer:jd, store:starbucks, outlet, fx, payout, messages.")]
Brand = Annotated[str, typer.Option("--brand", help="One brand of an issuer that has several.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Moment = Annotated[str, typer.Option(help="ISO 8601 with its zone, e.g. 2026-12-01T02:00+08:00.")]
Done = TypeVar("Done")


@maintenance.command("on")
def on(
    name: Named,
    reason: Annotated[str, typer.Option("--reason", help="Why; sellers do not see it.")],
    minutes: Annotated[
        int | None, typer.Option("--for", min=1, help="Minutes; otherwise --until, or until `off`.")
    ] = None,
    starts: Moment = "",
    until: Moment = "",
    brand: Brand = "",
    as_json: AsJson = False,
) -> None:
    """Hold its calls, now or from --starts on: cards wait and lose nothing. / 进入维护"""
    starts_at, ends_at = _moment(starts, "--starts"), _moment(until, "--until")
    if minutes:
        ends_at = (starts_at or datetime.now(UTC)) + timedelta(minutes=minutes)
    window = _said(_on(Settings(), name, brand, reason, starts_at, ends_at), as_json)
    if as_json:
        typer.echo(json.dumps({"window": window, "provider": name}))
    else:
        typer.echo(say(f"{name} 已安排维护。", f"{name}: maintenance is set."))


@maintenance.command("off")
def off(
    name: Named,
    at_once: Annotated[bool, typer.Option("--at-once", help="Everything at once, not 1 %, 10 %, all.")] = False,
    brand: Brand = "",
    as_json: AsJson = False,
) -> None:
    """Resume its calls by degrees, or cancel what is only planned. / 结束维护"""
    window = _said(_off(Settings(), name, brand, at_once), as_json)
    if as_json:
        typer.echo(json.dumps({"window": window, "provider": name}))
    else:
        typer.echo(say(f"{name} 正在恢复，或计划已取消。", f"{name} is being resumed, or its plan is cancelled."))


@maintenance.command("change-end")
def change_end(
    name: Named,
    minutes: Annotated[int | None, typer.Option("--for", min=1, help="Minutes from now on.")] = None,
    until: Moment = "",
    is_open: Annotated[bool, typer.Option("--open", help="Without an end: until `off`.")] = False,
    brand: Brand = "",
    as_json: AsJson = False,
) -> None:
    """Give current or planned maintenance another end; what sellers read follows. / 修改结束时间"""
    if sum((minutes is not None, bool(until), is_open)) != 1:
        raise typer.BadParameter("--for, --until, or --open")
    ends_at = _moment(until, "--until")
    if minutes:
        ends_at = datetime.now(UTC) + timedelta(minutes=minutes)
    window = _said(_change_end(Settings(), name, brand, ends_at), as_json)
    if as_json:
        typer.echo(json.dumps({"window": window, "provider": name, "ends_at": _iso(ends_at)}))
    else:
        typer.echo(say(f"{name} 维护的结束时间已修改。", f"{name}: the end of its maintenance is changed."))


@maintenance.command("status")
def status(as_json: AsJson = False) -> None:
    """List planned and current maintenance; ends with 3 when any provider is held or being resumed. / 查看维护状态"""
    found = asyncio.run(_windows(Settings()))
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    elif found:
        columns = ("provider", "brand", "state", "share", "starts_at", "ends_at", "next_at", "reason")
        table = Table(show_edge=False)
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in found:
            table.add_row(*("" if row[column] is None else str(row[column]) for column in columns))
        Console().print(table)
    else:
        typer.echo(say("没有维护。", "No maintenance."))
    raise typer.Exit(IN_MAINTENANCE if any(row["state"] != "planned" for row in found) else 0)


def _moment(given: str, option: str) -> datetime | None:
    from domain.places import zoned

    if not given:
        return None
    found = zoned(given)
    if found is None:
        raise Problem(
            f"{option} 须为带时区的 ISO 8601 时间，例如 2026-12-01T02:00+08:00。",
            f"{option} must be an ISO 8601 moment with its zone, e.g. 2026-12-01T02:00+08:00.",
        )
    return found


def _said(doing: Coroutine[Any, Any, Done], as_json: bool) -> Done:
    """What was done; a refusal is printed and ends with 1."""
    from domain.errors.base import Refusal
    from languages import translate

    try:
        return asyncio.run(doing)
    except Refusal as refused:
        data = {name: str(value) for name, value in refused.data.items() if value not in (None, "")}
        if as_json:
            typer.echo(json.dumps({"refused": refused.code, **data}))
        else:
            facts = ", ".join(f"{name}: {value}" for name, value in data.items())
            typer.echo(f"{translate(f'error.{refused.code}', say('zh_CN', 'en'), data)} {facts}", err=True)
        raise typer.Exit(1) from None


def _by() -> str:
    from bootstrap.os_user import os_user
    from services.ops.maintenance import SYSTEM

    return SYSTEM + os_user()


async def _on(
    settings: Settings, name: str, brand: str, reason: str, starts_at: datetime | None, ends_at: datetime | None
) -> str:
    from bootstrap.store import opened
    from services.ops.maintenance import Maintenance, WindowInput

    async with opened(settings) as store:
        await _policies(store)
        return await Maintenance(store).begin(_by(), WindowInput(name, brand, reason, starts_at, ends_at))


async def _off(settings: Settings, name: str, brand: str, at_once: bool) -> str:
    from bootstrap.store import opened
    from services.ops.maintenance import Maintenance

    async with opened(settings) as store:
        desk = Maintenance(store)
        window = await desk.open_window(name, brand)
        await desk.end(_by(), window, at_once=at_once)
        return window


async def _change_end(settings: Settings, name: str, brand: str, ends_at: datetime | None) -> str:
    from bootstrap.store import opened
    from services.ops.maintenance import Maintenance

    async with opened(settings) as store:
        desk = Maintenance(store)
        window = await desk.open_window(name, brand)
        await desk.change_end(_by(), window, ends_at)
        return window


async def _windows(settings: Settings) -> list[dict[str, Any]]:
    from bootstrap.store import opened
    from database.reads.ops.providers import open_windows

    async with opened(settings) as store, store.transaction() as session:
        rows = await open_windows(session)
    return [
        {
            "window": row.id, "provider": row.provider, "brand": row.brand, "state": row.state.value, "share": row.share,
            "starts_at": _iso(row.starts_at), "ends_at": _iso(row.ends_at), "next_at": _iso(row.next_at),
            "reason": row.reason, "by": row.created_by,
        }
        for row in rows
    ]  # fmt: skip


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")


async def _policies(store: Any) -> None:
    """The catalogue in force names the issuers."""
    from services.policies.reading import PolicyReader

    await PolicyReader(store).refresh()
