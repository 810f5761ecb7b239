"""A campaign of faults for `make proof`: programs are killed at random under cards on their way, and money is counted after.

`python -m tests.faults.campaign --kills 200 --cards 100 --seed 1` prints one JSON line of figures and ends with 1 when
anything that must hold does not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bootstrap.demo.reviewer import Reviewer
from bootstrap.demo.samples import Sample
from bootstrap.demo.talk import Refused
from bootstrap.local.ending import clean_up_on_sigterm
from bootstrap.reconciling import differences
from bootstrap.settings import Settings
from database.repositories.orders import ORDER_TABLES
from domain.cards.card import Outcome, WaitingFor
from domain.people.roles import Role
from tests.whole import WholePlatform, jd_card, starbucks_card

# PostgreSQL's immediate shutdown writes nothing out; the others are simply gone.
KILLED = {
    "postgres": signal.SIGQUIT,
    "temporal": signal.SIGKILL,
    "worker-cards": signal.SIGKILL,
    "worker-reading": signal.SIGKILL,
    "api": signal.SIGKILL,
    "console": signal.SIGKILL,
}
BETWEEN_KILLS_S = (0.5, 4.0)
# Many of the demo's own cards wait for people who are not played here.
PLAYED = "idempotency_key NOT LIKE 'demo-%'"
OPEN_CARDS = f"""
SELECT card.id, waiting_for, stage, card.since FROM card JOIN submission ON submission.id = card.submission_id
WHERE outcome IS NULL AND {PLAYED}
"""  # noqa: S608  # A condition of our own.
OUTCOMES = f"""
SELECT coalesce(outcome, 'open'), count(*) FROM card JOIN submission ON submission.id = card.submission_id
WHERE {PLAYED} GROUP BY 1
"""  # noqa: S608  # A condition of our own.
ORDERED_BY_ALIPAY = " UNION ALL ".join(
    f"SELECT key, amount_minor, state FROM {table.__tablename__} WHERE rail = 'alipay'"  # noqa: S608  # Our own table.
    for table in ORDER_TABLES.values()
)
FAILING_CODE = "SELECT workflow_id, message FROM pending_step WHERE state = 'workflow_task' ORDER BY workflow_id"
DRAIN_S_MAX = 600.0
BOOKED_S_MAX = 120.0  # Orders of the demo's own cards may be on their way when the played cards have ended.
APPROVED_AGAIN_S = 20.0  # A decision leaves after eight seconds.


@dataclass
class Campaign:
    """One run: its chance is seeded, so that the same kills come in the same order."""

    whole: WholePlatform
    kills: int
    cards: int
    seed: int
    handed_in: dict[str, Sample] = field(default_factory=dict)
    killed: Counter[str] = field(default_factory=Counter)
    refused: int = 0  # Submissions that were answered with an error; whether they were taken is found out at the end.

    async def run(self) -> dict[str, object]:
        """Kill while cards are submitted, let everything drain, and count."""
        began = time.monotonic()
        async with AsyncExitStack() as misbehaving:
            await misbehaving.enter_async_context(
                self.whole.control(
                    "alipay", timeout_after_success_rate=0.15, hang_ms=6_000, duplicate_callbacks=1, out_of_order=True,
                    late_callback_ms=1_500, forged_callbacks=True, system_error_rate=0.1,
                )
            )  # fmt: skip
            await misbehaving.enter_async_context(self.whole.control("issuer", error_rate=0.1))
            handing_in = asyncio.create_task(self._hand_in())
            await self._kill()
            await handing_in
        faults_s, drained = time.monotonic() - began, time.monotonic()
        await self.whole.healthy()
        await self._drain()
        return await self._counted() | {
            "faults_s": round(faults_s, 1), "drained_s": round(time.monotonic() - drained, 1),
            "kills": dict(self.killed), "submissions_refused": self.refused, "seed": self.seed,
        }  # fmt: skip

    async def _hand_in(self) -> None:
        chance = random.Random(self.seed + 1)
        while len(self.handed_in) < self.cards:
            sample = starbucks_card() if chance.random() < 0.2 else jd_card()
            try:
                self.handed_in[await self.whole.hand_in(sample)] = sample
            except (httpx.HTTPError, AssertionError):  # The API or what is behind it was just killed.
                self.refused += 1
            await asyncio.sleep(chance.uniform(0.1, 1.0))

    async def _kill(self) -> None:
        """Kill running programs until there were enough kills; one that is not back yet is no kill."""
        chance = random.Random(self.seed)
        while (number := self.killed.total()) < self.kills:
            await asyncio.sleep(chance.uniform(*BETWEEN_KILLS_S))
            programs = sorted(KILLED)
            chance.shuffle(programs)
            killed = next((program for program in programs if self._killed(program)), None)
            if killed is not None and number % 10 == 9:
                print(f"{number + 1}/{self.kills} kills, {len(self.handed_in)}/{self.cards} cards", file=sys.stderr)

    def _killed(self, program: str) -> bool:
        """Kill the program; return whether it ran."""
        try:
            self.whole.signal(program, KILLED[program])
        except (ProcessLookupError, KeyError, ValueError):
            return False
        self.killed[program] += 1
        return True

    async def _drain(self) -> None:
        deadline, approved = time.monotonic() + DRAIN_S_MAX, dict[str, float]()
        reviewer = Reviewer(self.whole.settings.console_url, *self.whole.password(Role.REVIEWER))
        while time.monotonic() < deadline:
            open_cards = await self.whole.rows(OPEN_CARDS)
            if not open_cards:
                break
            print(f"{len(open_cards)} cards have not ended", file=sys.stderr)
            for card_id, waiting_for, *_ in open_cards:
                lately = time.monotonic() - approved.get(card_id, -APPROVED_AGAIN_S) < APPROVED_AGAIN_S
                if waiting_for == WaitingFor.REVIEWER and card_id in self.handed_in and not lately:
                    approved[card_id] = time.monotonic()
                    await self._approve(reviewer, card_id)
            await asyncio.sleep(2)
        await reviewer.close()

    async def _approve(self, reviewer: Reviewer, card_id: str) -> None:
        try:
            await reviewer.decide(card_id, self.handed_in[card_id], corrects_pin=False)
        except (Refused, httpx.HTTPError) as refused:  # Decided by the look before, or the console is not back yet.
            print(f"not approved: {refused}", file=sys.stderr)

    async def _counted(self) -> dict[str, object]:
        """What became of the cards, by our rows and by the gateway, and what does not hold."""
        outcomes = Counter({str(outcome): number for outcome, number in await self.whole.rows(
            OUTCOMES
        )})  # fmt: skip
        arrived = await self._arrived()
        per_card = Counter(key.split("-payout-")[0] for key in arrived)
        lost = [
            card for card in self.handed_in if not await self.whole.rows("SELECT 1 FROM card WHERE id = :id", id=card)
        ]
        wrong = [f"{one.invariant} {one.what}" for one in await self.whole.violations()]
        wrong += await differences(self.whole.settings)
        wrong += [f"{card} was paid {times} times" for card, times in per_card.items() if times > 1]
        wrong += [f"{card} was taken and is not there" for card in lost]
        wrong += await self._booked_otherwise()
        for card, waiting_for, stage, since in await self.whole.rows(OPEN_CARDS):
            wrong.append(f"{card} did not end: at {stage} it waits for {waiting_for} since {since}")
        for run, message in await self.whole.rows(FAILING_CODE):
            wrong.append(f"the code of {run} fails: {message}")
        paid = outcomes[Outcome.PAID]
        return {"cards": sum(outcomes.values()), "outcomes": dict(outcomes), "paid": paid, "wrong": wrong}

    async def _arrived(self) -> dict[str, int]:
        """What the gateway says it paid, by order, in fen. Raises AssertionError for an order that it paid twice."""
        async with httpx.AsyncClient() as http:
            made = (await http.get(f"{self.whole.settings.alipay_url}transfers")).json()
        paid = [(one["out_biz_no"], one["amount_minor"]) for one in made if one["status"] == "SUCCESS"]
        assert len(dict(paid)) == len(paid), f"paid twice under one number: {paid}"
        return dict(paid)

    async def _booked_otherwise(self) -> list[str]:
        """The orders that the gateway and the books still disagree about when every order had time to be booked."""
        deadline = time.monotonic() + BOOKED_S_MAX
        while True:
            arrived = await self._arrived()
            ordered = {key: (minor, state) for key, minor, state in await self.whole.rows(ORDERED_BY_ALIPAY)}
            booked = {key: minor for key, (minor, state) in ordered.items() if state == "paid"}
            if arrived == booked or time.monotonic() > deadline:
                return [
                    f"{key}: {arrived.get(key, 0)} arrived at the gateway, the order is {ordered.get(key, 'not there')}"
                    for key in sorted(arrived.keys() | booked.keys()) if arrived.get(key) != booked.get(key)
                ]  # fmt: skip
            await asyncio.sleep(2)


async def campaign(kills: int, cards: int, seed: int) -> dict[str, object]:
    """Run one campaign on a platform of its own and return its figures."""
    with tempfile.TemporaryDirectory(prefix="cardloop-proof-") as home:
        whole = WholePlatform(Path(home), Settings().cache_dir)
        await whole.start()
        try:
            return await Campaign(whole, kills, cards, seed).run()
        finally:
            await whole.stop()


def main() -> None:
    """Read the arguments, run, print, and say by the exit code whether all held."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("kills", 200), ("cards", 100), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    figures = asyncio.run(campaign(given.kills, given.cards, given.seed))
    print(json.dumps(figures, ensure_ascii=False))
    sys.exit(int(bool(figures["wrong"])))


if __name__ == "__main__":
    clean_up_on_sigterm()
    main()
