"""`make demo`: every sample card goes its whole way, with this script as seller, reviewer and outlet, over HTTP alone."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from bootstrap import keys
from bootstrap.demo.logins import PARTNER_KEY
from bootstrap.demo.outsiders import Outsiders
from bootstrap.demo.partner import Partner
from bootstrap.demo.people import person_of
from bootstrap.demo.reviewer import Reviewer
from bootstrap.demo.sales import DemoSales
from bootstrap.demo.samples import Sample, samples
from bootstrap.demo.script import Journey, Script
from bootstrap.demo.table import Line, now, table
from bootstrap.demo.talk import Refused
from bootstrap.demo.verdict import Verdict
from bootstrap.local.health import answers
from bootstrap.settings import Settings
from bootstrap.store import database
from bootstrap.words import Problem, say
from database.session import DatabaseUnavailable
from database.tables.cards import CardRow
from domain.people.roles import Role

SECONDS_MAX = 240.0
LOOK_EVERY_S = 0.5
PLAYED = ("issuer", "pos", "outlet", "messages")  # The simulators through which the script plays those outside.


async def run_demo(
    settings: Settings, seconds_max: float = SECONDS_MAX, chosen: Sequence[Sample] | None = None
) -> bool:
    """Send every sample, or the chosen ones, through the running platform; return whether each card reached its state.

    Raises Problem when the demo's logins are missing.
    """
    console = Console(highlight=False)
    async with _script(settings, list(chosen or samples())) as script:
        deadline = time.monotonic() + seconds_max
        with Live(console=console, auto_refresh=False) as live:
            try:
                await script.hand_in()
                await _until_ended(script, live, deadline)
            except Refused as refused:
                console.print(
                    say(f"平台没有按预期应答：{refused}", f"The platform did not answer as it should: {refused}")
                )
    await _sell(settings)
    return _print(console, [journey.line() for journey in script.journeys])


async def _sell(settings: Settings) -> None:
    """Sell what was bought, as finance records it."""
    store = database(settings)
    try:
        async with store.transaction() as session:
            finance = await person_of(session, Role.FINANCE)
        await DemoSales(store, finance).sell()
    finally:
        await store.dispose()


async def _until_ended(script: Script, live: Live, deadline: float) -> None:
    """Looks on over restarts of the platform: a look that fails is said, and made again."""
    while time.monotonic() < deadline and not all(journey.ended for journey in script.journeys):
        trouble = ""
        try:
            await script.look_and_act()
        except Refused as refused:
            trouble = say(f"平台暂时没有应答：{refused}", f"The platform does not answer at the moment: {refused}")
        live.update(Group(table([journey.line() for journey in script.journeys]), trouble), refresh=True)
        await asyncio.sleep(LOOK_EVERY_S)


@asynccontextmanager
async def _script(settings: Settings, submitted: list[Sample]) -> AsyncIterator[Script]:
    secrets = _secrets(settings)
    person = next((one for one in secrets["logins"] if one["role"] == Role.REVIEWER), None)
    if person is None or PARTNER_KEY not in secrets:
        raise _no_logins()
    await require_running(settings)
    try:
        before = await live_before(settings, submitted)
    except (DatabaseUnavailable, SQLAlchemyError) as error:
        raise _not_running(["PostgreSQL"]) from error
    partner, outsiders = Partner(settings.api_url, secrets[PARTNER_KEY]), Outsiders(settings)
    reviewer = Reviewer(settings.console_url, person["login"], person["password"])
    try:
        yield Script(partner, reviewer, outsiders, [Journey(one, one.photo in before) for one in submitted])
    finally:
        for party in (partner, outsiders, reviewer):
            await party.close()


async def live_before(settings: Settings, submitted: list[Sample]) -> frozenset[str]:
    """Photos whose card the platform has already, by an earlier run or by hand: the platform's own record tells,
    since no partner may learn through the API what another has submitted."""
    ring, store = keys.load(settings).keyring, database(settings)
    prints = {ring.fingerprint(one.brand.issuer, one.number): one.photo for one in submitted}
    try:
        async with store.transaction() as session:
            live = select(CardRow.fingerprint).where(CardRow.live, CardRow.fingerprint.in_(prints))
            found = (await session.execute(live)).scalars()
            return frozenset(prints[print_] for print_ in found if print_ is not None)
    finally:
        await store.dispose()


async def require_running(settings: Settings) -> None:
    """Raises Problem naming each program that does not answer: the script needs all of them at the addresses of its settings."""
    outside = {name: str(getattr(settings, f"{name}_url")) for name in PLAYED}
    programs = {"API": settings.api_url, "console": settings.console_url, **outside}
    checks = [answers(f"{address.rstrip('/')}/healthz") for address in programs.values()]
    found = await asyncio.gather(*(check() for check in checks))
    silent = [f"{name} {address}" for (name, address), up in zip(programs.items(), found, strict=True) if not up]
    if silent:
        raise _not_running(silent)


def _not_running(silent: list[str]) -> Problem:
    names = ", ".join(silent)
    return Problem(
        f"平台没有运行或没有完全启动，无应答：{names}。请先启动（make up，或 sh docker/without-docker.sh），等地址列出后，"
        "以相同的 CARDLOOP_* 设置重试。",
        f"The platform is not running, or not completely; no answer from: {names}. Start it (make up, or sh "
        "docker/without-docker.sh), wait until it lists its addresses, then try again with the same CARDLOOP_* settings.",
    )


def _no_logins() -> Problem:
    return Problem(
        "没有演示账号：请以演示模式启动平台（CARDLOOP_DEMO=true）后重试。",
        "There are no demo logins: start the platform with CARDLOOP_DEMO=true, then try again.",
    )


def _secrets(settings: Settings) -> dict[str, Any]:
    if not settings.demo_secrets_file.is_file():
        raise _no_logins()
    found: dict[str, Any] = json.loads(settings.demo_secrets_file.read_text(encoding="utf-8"))
    return found


def _print(console: Console, lines: list[Line]) -> bool:
    """Says what is not as it should be, or that all is; returns whether all is."""
    console.print()
    bad = [line for line in lines if line.judged.verdict is not Verdict.RIGHT]
    for line in bad:
        console.print(f"[red]✗[/red] {line.sample.photo}: {now(line)}")
    right = len(lines) - len(bad)
    console.print(
        say(
            f"{right}/{len(lines)} 张卡到达了应到的状态。",
            f"{right} of {len(lines)} cards reached the state that they should.",
        )
    )
    return not bad
