"""A backup is restored under cards on their way: what was paid since is found, nothing is paid twice, the rest continues."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from bootstrap import backup, restored
from bootstrap.demo.talk import Refused
from bootstrap.reconciling import differences
from domain.cards.card import WaitingFor
from tests.whole import WHOLE, WholePlatform, jd_card, starbucks_card, until

pytestmark = [WHOLE, pytest.mark.proof, pytest.mark.timeout(300)]


async def offered(whole: WholePlatform, many: int) -> list[str]:
    """Cards that wait for their seller's answer."""
    card_ids = [await whole.hand_in(jd_card(), accepted=False) for _ in range(many)]
    for card_id in card_ids:
        await whole.reaches(card_id, lambda seen: seen.waiting_for is WaitingFor.SELLER_OFFER)
    return card_ids


async def accept(whole: WholePlatform, card_id: str) -> None:
    seen = await whole.seen(card_id)
    assert seen.quote is not None
    async with whole.partner() as partner:
        await partner.accept(card_id, seen.quote)


async def accept_once_it_runs(whole: WholePlatform, card_id: str) -> None:
    """Accept as a seller does who presses again: a restarted journey needs a moment until it waits for them."""

    async def accepted() -> bool:
        try:
            await accept(whole, card_id)
        except Refused:
            return False
        return True

    await until(accepted, 30, lambda: "the restarted journey never waited for its seller")


async def paid_once(whole: WholePlatform, card_ids: list[str]) -> None:
    for card_id in card_ids:
        end = await whole.paid(card_id, 90)
        (transfer,) = await whole.transfers(card_id)
        assert (transfer["status"], transfer["amount_minor"]) == ("SUCCESS", end.paid_minor)


async def test_an_older_database_learns_what_was_paid_since_and_names_what_it_lost(
    whole: WholePlatform, tmp_path: Path
) -> None:
    key, out = tmp_path / "key", tmp_path / "all.backup"
    public = backup.make_key(key)
    done = await whole.hand_in(jd_card())
    await whole.paid(done)
    sample = starbucks_card()
    reviewed = await whole.hand_in(sample)
    await whole.reaches(reviewed, lambda seen: seen.waiting_for is WaitingFor.REVIEWER)
    accepted_since, accepted_later, left = await offered(whole, 3)
    await asyncio.to_thread(backup.back_up, whole.settings, public, out, print)
    await accept(whole, accepted_since)
    await whole.approve(reviewed, sample)
    lost = await whole.hand_in(jd_card())
    for card_id in (accepted_since, reviewed, lost):
        await whole.paid(card_id)
    await whole.stop()
    await asyncio.to_thread(backup.restore, whole.settings, out, key, print, replace=True)
    assert restored.restored_at(whole.settings) is not None
    await whole.start()
    assert restored.restored_at(whole.settings) is None
    said = " ".join(whole.said().split())
    assert f"payment card-{lost}-payout-1 was paid for a card that is not here" in said
    assert said.count("had no answer here") == 2
    await paid_once(whole, [done, accepted_since, reviewed])
    await accept(whole, accepted_later)
    await paid_once(whole, [accepted_later])
    assert (await whole.seen(left)).waiting_for is WaitingFor.SELLER_OFFER
    assert await whole.violations() == []
    assert [what for what in await differences(whole.settings) if lost not in what] == []
    await accept(whole, left)
    await paid_once(whole, [left])


async def test_older_temporal_continues_from_the_rows(whole: WholePlatform) -> None:
    sample = starbucks_card()
    reviewed = await whole.hand_in(sample)
    await whole.reaches(reviewed, lambda seen: seen.waiting_for is WaitingFor.REVIEWER)
    accepted_since, accepted_later = await offered(whole, 2)
    older = whole.settings.state_dir / "temporal.older"
    await asyncio.to_thread(_copied, whole.settings.state_dir / "temporal.db", older)
    await whole.approve(reviewed, sample)
    await accept(whole, accepted_since)
    unknown_to_it = await whole.hand_in(jd_card())
    for card_id in (reviewed, accepted_since, unknown_to_it):
        await whole.paid(card_id)
    (waiting,) = await offered(whole, 1)
    await whole.stop()
    for name in ("temporal.db", "temporal.db-wal", "temporal.db-shm"):
        (whole.settings.state_dir / name).unlink(missing_ok=True)
    older.rename(whole.settings.state_dir / "temporal.db")
    restored.mark(whole.settings, "2026-01-01T00:00:00+00:00")
    await whole.start()
    for card_id in (waiting, accepted_later):
        await accept_once_it_runs(whole, card_id)
    await paid_once(whole, [reviewed, accepted_since, accepted_later, unknown_to_it, waiting])
    assert await whole.violations() == []

    async def agree() -> bool:
        return [what for what in await differences(whole.settings) if "such" not in what] == []

    await until(agree, 30, lambda: "rows and workflows do not agree")


def _copied(path: Path, out: Path) -> None:
    source, target = sqlite3.connect(path), sqlite3.connect(out)
    source.backup(target)
    target.close()
    source.close()
