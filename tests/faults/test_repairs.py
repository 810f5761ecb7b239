"""An outage of many cards is one cause, one repair fixes it, and the repair resumes where it stopped when its worker is killed.

`CARDLOOP_PROOF_OUTAGE` is the number of cards: 200 unless it says otherwise, 2,000 in `make proof`.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import pytest_asyncio

from bootstrap.demo.logins import PARTNER_KEY
from bootstrap.demo.outsiders import Outsiders
from bootstrap.demo.samples import Sample
from bootstrap.store import database
from database.reads.ops import repairs as reads
from database.session import Database
from domain.cards.card import WaitingFor
from domain.ops.repairs import ItemState, RepairKind, RepairState
from services.ops.repairs.desk import RepairPlan, Repairs
from services.ops.repairs.sources import OfCause
from tests.whole import WHOLE, WholePlatform, jd_card, starbucks_card, until

CARDS = int(os.environ.get("CARDLOOP_PROOF_OUTAGE", "200"))
# Two cards a second are bought on two cores, with everything on one machine.
PATIENCE_S = 120 + CARDS
pytestmark = [WHOLE, pytest.mark.proof, pytest.mark.timeout(300 + 5 * CARDS)]
# Small faces: what one partner may sell within an hour without a person is capped.
FACE_MINOR = 5_000
TOGETHER, AT_ONCE = 50, 4  # Cards of one submission, submissions at the same time.
SEEN_WITHIN_S = 10.0
REVIEWED = 4
_FAILING = "SELECT coalesce(sum(runs), 0) AS runs, count(*) AS causes FROM stuck_cause WHERE error_class = 'gateway_unavailable'"
_CAUSE = """
SELECT cause, runs, extract(epoch FROM first_at - (SELECT min(started_at) FROM card WHERE id = ANY(:ids)))::float AS after_s
FROM stuck_cause WHERE error_class = 'gateway_unavailable' AND provider = 'issuer:jd'
"""
_OUTCOMES = (
    "SELECT coalesce(outcome, waiting_for) AS stands, count(*) AS cards FROM card WHERE id = ANY(:ids) GROUP BY 1"
)

_PEOPLE = "SELECT id FROM person WHERE roles @> CAST(:roles AS jsonb) AND active ORDER BY id LIMIT 1"
_DECISIONS = (
    "SELECT count(*) AS made, count(applied_at) AS applied, count(void_at) AS void FROM review_decision"
    " WHERE card_id = ANY(:ids)"
)


class Outage:
    """Cards at an issuer that is down, the people who repair them, and those that wait for a reviewer meanwhile."""

    def __init__(self, whole: WholePlatform, store: Database) -> None:
        self.whole = whole
        self.store = store
        self.desk = Repairs(store)
        self.by = self.second = ""
        self.cards: list[str] = []
        self.figures: dict[str, float] = {"cards": CARDS}

    async def hand_in(self) -> None:
        """Submit the cards, fifty together; each becomes a running workflow that asks its issuer."""
        samples = [jd_card(FACE_MINOR) for _ in range(CARDS)]
        outsiders, gate = Outsiders(self.whole.settings), asyncio.Semaphore(AT_ONCE)
        headers = {"authorization": f"Bearer {self.whole.secrets()[PARTNER_KEY]}"}

        async def submitted(http: httpx.AsyncClient, part: Sequence[Sample]) -> list[str]:
            async with gate:
                for sample in part:
                    await outsiders.register(sample)
                # Another account for each submission: what one payee may get within an hour is capped.
                body = {"cards": [_typed(one) for one in part], "payee": _payee()}
                key = {"idempotency-key": secrets.token_hex(8)}
                answer = await http.post("/v1/submissions", json=body, headers=key)
                assert answer.status_code == 202, answer.text
                return [str(one) for one in answer.json()["card_ids"]]

        parts = [samples[first : first + TOGETHER] for first in range(0, CARDS, TOGETHER)]
        async with httpx.AsyncClient(base_url=self.whole.settings.api_url, headers=headers, timeout=60) as http:
            for made in await asyncio.gather(*(submitted(http, part) for part in parts)):
                self.cards += made
        await outsiders.close()

    async def cause(self) -> str:
        """Return the one cause that all cards have, and note how soon the first ones were seen."""

        last: list[tuple[int, int]] = []

        async def look() -> bool:
            last[:] = [(row.runs, row.causes) for row in await self.whole.rows(_FAILING)]
            return last == [(CARDS, 1)]

        await until(look, PATIENCE_S, lambda: f"the cards are not one cause: {last}")
        (found,) = await self.whole.rows(_CAUSE, ids=self.cards)
        self.figures["seen_after_s"] = round(found.after_s, 1)
        return str(found.cause)

    async def previewed(self, cause: str) -> str:
        """Put every card of the cause into one repair and preview it; return its id.

        Without first cards of their own, and fast: once the issuer answers, the cards go on by themselves within half a
        minute, and the repair is to have acted on them before.
        """
        plan = RepairPlan(
            RepairKind.RETRY_NOW, "provider_back", canary=0, rate_per_s=max(5, CARDS // 10), failures_bp=10_000
        )
        repair_id = await self.desk.draft(self.by, plan, OfCause(cause))
        await self.desk.preview(self.by, repair_id)
        return repair_id

    async def submit(self, repair_id: str) -> None:
        """Start the repair, with a second person who agrees."""
        assert await self.desk.submit(self.by, repair_id) is RepairState.WAITING
        await self.desk.agree(self.second, repair_id)

    async def seen(self, repair_id: str) -> reads.Repair:
        """The repair as it is."""
        async with self.store.transaction() as session:
            found = await reads.repair(session, repair_id)
        assert found is not None
        return found

    async def reaches(self, repair_id: str, *, left: int | None = None) -> reads.Repair:
        """Wait until at most so many items are left, or without a number until the repair is done."""
        last: list[reads.Repair] = []

        async def look() -> bool:
            last[:] = [await self.seen(repair_id)]
            if left is None:
                return last[0].row.state is RepairState.DONE
            return last[0].counts.of(ItemState.WAITING) <= left

        await until(look, PATIENCE_S, lambda: (last[0].row.state, last[0].counts))
        return last[0]

    async def all_paid(self, cards: Sequence[str]) -> None:
        """Wait until each of these cards has ended, which must be by one payment."""
        last: list[dict[str, int]] = []

        async def look() -> bool:
            last[:] = [{row.stands: row.cards for row in await self.whole.rows(_OUTCOMES, ids=list(cards))}]
            return last[0] == {"paid": len(cards)}

        await until(look, PATIENCE_S, lambda: last)


@pytest_asyncio.fixture(loop_scope="session")
async def outage(whole: WholePlatform) -> AsyncIterator[Outage]:
    store = database(whole.settings)
    made = Outage(whole, store)
    made.by, made.second = [
        str(row.id) for role in ("ops", "admin") for row in await whole.rows(_PEOPLE, roles=json.dumps([role]))
    ]
    yield made
    await store.dispose()


@asynccontextmanager
async def timed(figures: dict[str, float], name: str) -> AsyncIterator[None]:
    """Note how many seconds the block took."""
    began = time.monotonic()
    yield
    figures[name] = round(time.monotonic() - began, 1)


def _typed(sample: Sample) -> dict[str, Any]:
    face = {"amount_minor": sample.face.amount_minor, "currency": sample.face.currency}
    return {
        "brand": sample.brand.code,
        "number": sample.number,
        "face_value": face,
        "accept_at_or_above": {"amount_minor": 1},
    }


def _payee() -> dict[str, str]:
    return {"account": f"138{secrets.randbelow(10**8):08d}", "name": "林小满"}


async def paid_once(whole: WholePlatform, cards: Sequence[str]) -> Counter[str]:
    """How often each card was paid, by the payment gateway's own list."""
    async with httpx.AsyncClient(timeout=60) as http:
        made = (await http.get(f"{whole.settings.alipay_url}transfers")).json()
    wanted = frozenset(cards)
    return Counter(card for one in made for card in wanted.intersection(one["out_biz_no"].split("-")))


async def test_an_outage_is_repaired_by_one_batch_that_is_killed_half_way(
    whole: WholePlatform, outage: Outage, capsys: pytest.CaptureFixture[str]
) -> None:
    reviewed = [starbucks_card() for _ in range(REVIEWED)]
    waiting = [await whole.hand_in(one) for one in reviewed]
    for card in waiting:
        await whole.reaches(card, lambda seen: seen.waiting_for is WaitingFor.REVIEWER)
    await whole.demo_is_calm()
    figures = outage.figures
    async with whole.control("issuer", error_rate=1.0):
        async with timed(figures, "submitted_s"):
            await outage.hand_in()
        async with timed(figures, "all_seen_s"):
            cause = await outage.cause()
        repair_id = await outage.previewed(cause)
    async with timed(figures, "repaired_s"):
        await outage.submit(repair_id)
        await outage.reaches(repair_id, left=CARDS // 2)
        for card, sample in zip(waiting[:-1], reviewed, strict=False):  # Not applied yet when the worker dies.
            await whole.approve(card, sample)
        whole.signal("worker-cards", signal.SIGKILL)
        await whole.approve(waiting[-1], reviewed[-1])
        counts = (await outage.reaches(repair_id)).counts
    assert counts.total == CARDS
    assert counts.of(ItemState.CURED, ItemState.EXCLUDED, ItemState.ENDED) == CARDS
    assert counts.of(ItemState.CURED) >= CARDS // 2, "most went on by themselves"
    figures |= {state.value: counts.of(state) for state in (ItemState.CURED, ItemState.EXCLUDED, ItemState.ENDED)}
    async with timed(figures, "paid_s"):
        await outage.all_paid([*outage.cards, *waiting])
    times = await paid_once(whole, [*outage.cards, *waiting])
    assert sorted(times) == sorted([*outage.cards, *waiting])
    assert set(times.values()) == {1}, "a card was paid twice"
    (made,) = await whole.rows(_DECISIONS, ids=waiting)
    assert (made.made, made.applied, made.void) == (REVIEWED, REVIEWED, 0), "a decision is lost"
    assert figures["seen_after_s"] <= SEEN_WITHIN_S
    await asyncio.sleep(1)
    assert json.loads(await whole.cli("check", "--json")) == []
    with capsys.disabled():
        print(json.dumps(figures))
