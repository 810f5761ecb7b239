"""Programs are killed under cards on their way: each card still ends, and its seller is paid exactly once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence

import pytest

from domain.cards.card import Stage, WaitingFor
from tests.whole import WHOLE, WholePlatform, jd_card, starbucks_card, until

pytestmark = [WHOLE, pytest.mark.timeout(200)]
CARDS = 6
# An activity of a dead worker is taken up again when its time is over: 40 s for a payment.
AFTER_DEAD_WORKER_S = 110.0


async def paid_once_and_sound(whole: WholePlatform, card_ids: Sequence[str], seconds_max: float = 90.0) -> None:
    """Every card ends paid, by one transfer of just that amount, and nothing is broken of what must always hold."""
    ends = await asyncio.gather(*(whole.paid(card_id, seconds_max) for card_id in card_ids))
    for card_id, end in zip(card_ids, ends, strict=True):
        [transfer] = await whole.transfers(card_id)
        assert (transfer["status"], transfer["amount_minor"]) == ("SUCCESS", end.paid_minor)
    assert await whole.violations() == []


async def test_worker_killed_between_the_payment_and_its_answer(whole: WholePlatform) -> None:
    async with whole.control("alipay", timeout_after_success_rate=1.0, hang_ms=20_000):
        card_id = await whole.hand_in(jd_card())
        await until(lambda: _has_transfer(whole, card_id), 40, lambda: "no transfer yet")
        assert (await whole.seen(card_id)).stage is Stage.PAYOUT
        whole.signal("worker-cards", signal.SIGKILL)
    await paid_once_and_sound(whole, [card_id], AFTER_DEAD_WORKER_S)


@pytest.mark.thorough
async def test_postgres_killed_while_cards_move(whole: WholePlatform) -> None:
    card_ids = await asyncio.gather(*(whole.hand_in(jd_card()) for _ in range(CARDS)))
    whole.signal(
        "postgres", signal.SIGQUIT
    )  # Its immediate shutdown: nothing is written out, recovery at the next start.
    await paid_once_and_sound(whole, card_ids)
    await whole.healthy()


@pytest.mark.thorough
async def test_temporal_killed_while_cards_move(whole: WholePlatform) -> None:
    card_ids = await asyncio.gather(*(whole.hand_in(jd_card()) for _ in range(CARDS)))
    whole.signal("temporal", signal.SIGKILL)
    await paid_once_and_sound(whole, card_ids)


@pytest.mark.thorough
async def test_submission_is_taken_while_temporal_hangs_and_starts_later(whole: WholePlatform) -> None:
    whole.signal("temporal", signal.SIGSTOP)
    try:
        card_id = await whole.hand_in(jd_card())
        assert (await whole.seen(card_id)).stage is Stage.INTAKE
    finally:
        whole.signal("temporal", signal.SIGCONT)
    await paid_once_and_sound(whole, [card_id])


@pytest.mark.thorough
async def test_issuer_in_maintenance_is_waited_for(whole: WholePlatform) -> None:
    async with whole.control("issuer", maintenance=["jd"], maintenance_retry_s=1):
        card_id = await whole.hand_in(jd_card())
        failed = "SELECT 1 FROM answer WHERE card_id = :card_id AND failure IS NOT NULL"
        await until(lambda: _any(whole, failed, card_id), 20, lambda: "the issuer was not asked")
        assert (await whole.seen(card_id)).outcome is None
    await paid_once_and_sound(whole, [card_id])


@pytest.mark.thorough
async def test_stopped_and_started_while_a_card_waits_for_a_reviewer(whole: WholePlatform) -> None:
    sample = starbucks_card()
    card_id = await whole.hand_in(sample)
    await whole.reaches(card_id, lambda seen: seen.waiting_for is WaitingFor.REVIEWER)
    task = "SELECT id, opened_at, warn_at, due_at, closed_at FROM work_item WHERE card_id = :card_id"
    before, seen_before = await whole.rows(task, card_id=card_id), await whole.seen(card_id)
    await whole.stop()
    await whole.start()
    assert await whole.rows(task, card_id=card_id) == before
    assert await whole.seen(card_id) == seen_before
    await whole.approve(card_id, sample)
    await paid_once_and_sound(whole, [card_id])


async def _has_transfer(whole: WholePlatform, card_id: str) -> bool:
    return bool(await whole.transfers(card_id))


async def _any(whole: WholePlatform, sql: str, card_id: str) -> bool:
    return bool(await whole.rows(sql, card_id=card_id))
