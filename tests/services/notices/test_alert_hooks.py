"""Alerts leave for the address of the policy: signed with a secret of its own, from a process that can send nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, select

from database.repositories import outbox
from database.session import Database
from database.tables.notices import NoticeRow
from database.tables.platform import OutboxRow
from domain.notices.kinds import NoticeKind
from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument, PolicyKind
from domain.sealing import KeyRing
from gateways.http import new_client
from gateways.signatures import HEADER, require_signature
from gateways.webhooks import EVENT_HEADER, WebhookGateway
from services.notices.digest_text import Reader, link, sentence
from services.notices.outbox_delivery import ALERTS, Delivery, alert_webhook_secret
from services.notices.quantities import quantity, worded
from tests.builders.world import World
from tests.gateways.partners import mailbox

with_world = pytest.mark.asyncio(loop_scope="session")


def sent_to(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Publish an address for alerts."""
    in_force = BOOK.in_force

    def found(kind: PolicyKind, on: date) -> PolicyDocument:
        document = in_force(kind, on)
        return (
            replace(document, document={**document.document, "webhook_url": url}) if kind.code == "alerts" else document
        )

    monkeypatch.setattr(BOOK, "in_force", found)


async def queued(database: Database, *destinations: str) -> list[str]:
    async with database.transaction() as session:
        await session.execute(delete(OutboxRow))
        return [await outbox.put(session, "webhook", one, "alert.firing", {"rule": "disk"}) for one in destinations]


async def rows(database: Database) -> dict[str, OutboxRow]:
    async with database.transaction() as session:
        return {row.id: row for row in (await session.execute(select(OutboxRow))).scalars()}


@with_world
async def test_a_courier_of_alerts_delivers_them_signed_and_leaves_the_rest(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    alert, other = await queued(world.database, ALERTS, "partner:one")
    async with mailbox() as box, new_client("") as client:
        sent_to(box.url, monkeypatch)
        courier = Delivery(
            world.database, world.keyring, WebhookGateway(client, allow_private=True), None, destination=ALERTS
        )
        assert await courier.deliver_due() == 1
        ((body, headers),) = await box.holds(1)
    require_signature("webhook", [alert_webhook_secret(world.keyring, box.url)], body, headers[HEADER.lower()])
    assert headers[EVENT_HEADER.lower()] == "alert.firing"
    found = await rows(world.database)
    assert found[alert].delivered_at is not None
    assert (found[other].attempts, found[other].delivered_at) == (0, None)
    await queued(world.database)


@with_world
async def test_an_alert_is_given_up_when_the_policy_names_no_address_any_more(world: World) -> None:
    (alert,) = await queued(world.database, ALERTS)
    async with new_client("") as client:
        await Delivery(world.database, world.keyring, WebhookGateway(client), None, destination=ALERTS).deliver_due()
    row = (await rows(world.database))[alert]
    assert (row.given_up_at is not None, row.last_failure) == (True, "no address")
    await queued(world.database)


def test_another_address_has_another_secret() -> None:
    ring = KeyRing.generate()
    assert alert_webhook_secret(ring, "https://a.example/") != alert_webhook_secret(ring, "https://b.example/")


@pytest.mark.parametrize(
    ("value", "unit", "english", "chinese"),
    [
        (12, "count", "12", "12"),
        (7_200, "s", "2 hr", "2小时"),
        (0.42, "s", "0.4 s", "0.4 秒"),
        (9_350, "bp", "93.5 %", "93.5 %"),
        (1_500_000_000, "bytes", "1.4 GB", "1.4 GB"),
    ],
    ids=["count", "hours", "seconds", "share", "size"],
)
def test_a_value_is_read_in_the_readers_language(value: float, unit: str, english: str, chinese: str) -> None:
    assert (quantity(value, unit, "en"), quantity(value, unit, "zh_CN")) == (english, chinese)


def test_a_notification_says_rule_subject_and_value_and_leads_to_the_alerts() -> None:
    facts = {"topic": "workers", "about": "reading activity", "measured": "1 count"}
    said = sentence("alert", None, facts, Reader("en", ZoneInfo("UTC")))
    assert said == "Alert: Task queues without workers (reading activity), now 1."
    bare = sentence("alert_over", None, {**facts, "about": ""}, Reader("zh_CN", ZoneInfo("UTC")))
    assert bare == "告警已结束：没有工作进程的任务队列，当前 1。"
    row = NoticeRow(id="n", person_id="p", kind=NoticeKind.ALERT, unique_key="k", facts=facts)
    assert link(row, "https://console.example") == "https://console.example/operations/alerts"
    assert worded("nonsense", "en") == "nonsense"
