"""This machine's clock, compared with the database's and the payment gateway's: signatures and deadlines depend on it."""

from __future__ import annotations

import asyncio
import socket
import time

import structlog
from sqlalchemy import text

from bootstrap.settings import Settings
from bootstrap.words import Problem
from database.repositories.notices import tell
from database.session import Database, DatabaseUnavailable
from database.tables.columns import now
from domain.notices.kinds import NoticeKind
from gateways.errors import GatewayUnavailable
from gateways.http import exchange, moment_of, new_client
from services.notices.recipients import operations

OFF_S_MAX = 60.0  # Partners refuse what is signed five minutes off: a card would go to review for silence of ours.
LOOK_S = 30.0
GATEWAY_LOOK_S = 300.0
_NOW = text("SELECT extract(epoch FROM clock_timestamp())::float8")
_log = structlog.get_logger()


async def off_database_s(store: Database) -> float:
    """By how many seconds this clock is ahead of the database's (negative: behind). Raises DatabaseUnavailable."""
    async with store.statement() as connection:
        before = time.time()
        reported: float = (await connection.execute(_NOW)).scalar_one()
        return (before + time.time()) / 2 - reported


async def off_gateway_s(settings: Settings) -> float | None:
    """By how many seconds it is ahead of the payment gateway's, by its Date header; None when it names no time."""
    async with new_client(str(settings.alipay_url)) as client:
        try:
            reply = await exchange(client, "alipay", client.build_request("HEAD", "/"))
        except GatewayUnavailable:
            return None
    reported = moment_of(reply.headers.get("date", ""))
    return None if reported is None else time.time() - reported.timestamp()


async def require(store: Database) -> None:
    """Raises Problem when this clock is more than a minute off the database's: what we sign now would be refused."""
    off_s = await off_database_s(store)
    if abs(off_s) > OFF_S_MAX:
        _log.error("clock_off", against="database", seconds=round(off_s))
        raise Problem(
            f"本机时钟与数据库相差 {abs(off_s):.0f} 秒。请校准时钟；在此之前本进程不处理任何卡片。",
            f"This machine's clock is {abs(off_s):.0f} seconds off the database's: set it right. Until then this process works on no card.",
        )


async def watch(store: Database) -> None:
    """Looks every half minute until cancelled; raises Problem as `require` does, which ends the worker: its cards wait."""
    while True:
        await asyncio.sleep(LOOK_S)
        try:
            await require(store)
        except DatabaseUnavailable as away:
            _log.warning("clock_waits", reason=str(away))


async def compare_with_gateway(settings: Settings, store: Database) -> int:
    """Alarm when this clock is more than a minute off the payment gateway's: a log entry at each look, a notice once a day.

    Return 1 for an alarm, else 0. The worker continues: its clock agrees with the database's, and the gateway's may be the
    wrong one.
    """
    off_s = await off_gateway_s(settings)
    if off_s is None or abs(off_s) <= OFF_S_MAX:
        return 0
    _log.error("clock_off", against="payment gateway", seconds=round(off_s))
    machine = socket.gethostname()
    async with store.transaction() as session:
        key = f"{NoticeKind.CLOCK}:{machine}:{now():%Y%m%d}"
        seconds = str(round(abs(off_s)))
        await tell(session, await operations(session), NoticeKind.CLOCK, key, machine=machine, seconds=seconds)
    return 1
