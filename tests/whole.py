"""The whole platform as `make up` starts it, once for all tests that need it: own ports, own state, the project's cache.

The tests of tests/browser, tests/end_to_end and tests/faults carry `WHOLE`, so that one test process runs them one by one.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text
from stdnum import luhn
from stdnum.iso7064 import mod_37_36

from bootstrap import keys
from bootstrap.demo.logins import PARTNER_KEY
from bootstrap.demo.outsiders import Outsiders
from bootstrap.demo.partner import PAYEE, Partner, Seen
from bootstrap.demo.reviewer import Reviewer
from bootstrap.demo.samples import Sample
from bootstrap.demo.talk import Refused
from bootstrap.local.health import all_answer
from bootstrap.local.leftovers import Leftovers
from bootstrap.local.ports import in_use
from bootstrap.settings import PROJECT_ROOT, Settings
from bootstrap.store import database
from bootstrap.telemetry.listener import STEPS
from database.invariants import Violation, violations
from domain.cards.card import CardStatus, Outcome
from domain.money import Money
from domain.people.roles import Role
from domain.rules.brands import brand
from tests.disk import throwaway_folder
from tests.slowness import patience

WHOLE = pytest.mark.xdist_group("whole_platform")  # Each module adds its own timeout.
SYSTEMS = ("issuer", "pos", "outlet", "alipay", "fx", "messages", "wechat", "bank")
PROGRAMS = ("api", "console", "codec", "temporal", "temporal_ui")
READY_S, STOP_S, LOOK_S = 90.0, 60.0, 0.25
READY_LINE = "Ctrl-C stops everything"
# Handed in by the demo itself: one to confirm, two at the bank, one for goodwill, one that is held, one whose payee is refused,
# one whose outcome is unknown, two of a claim, one sold for dollars, one for which a deposit is held.
DEMO_CARDS = 11
RUNNING: list[WholePlatform] = []


class WholePlatform:
    """`python -m cli up` in a process of its own, with a partner, a reviewer and the outside systems."""

    def __init__(self, home: Path, cache: Path, **also: object) -> None:
        """Take settings that differ as `also`: a Temporal of the caller's own, for example."""
        (home / "cache").symlink_to(cache)
        first = free_ports(len(SYSTEMS) + len(PROGRAMS) + len(STEPS))
        ports = {f"{name}_port": first + len(SYSTEMS) + place for place, name in enumerate(PROGRAMS)}
        urls = {f"{name}_url": f"http://127.0.0.1:{first + place}" for place, name in enumerate(SYSTEMS)}
        metrics = {"metrics_port": first + len(SYSTEMS) + len(PROGRAMS)}
        given: dict[str, Any] = {"home": home, **ports, **urls, **metrics, **also}
        self.settings = Settings(**given)
        self.output = home / "up.log"
        self._environment = _without_ours() | {f"CARDLOOP_{name.upper()}": str(value) for name, value in given.items()}
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Returns when the start has said that it is done."""
        with self.output.open("wb") as sink:
            self._process = self._spawn(sink)
        await until(lambda: READY_LINE in self.said() or self._process_ended(), READY_S, self.said)
        assert not self._process_ended(), self.said()

    async def stop(self) -> None:
        """Ctrl-C, and the end of every program; kills what does not end in a minute."""
        await asyncio.to_thread(self.end)

    def end(self) -> None:
        """Do what `stop` does, on this thread; nothing where the platform has ended already."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            Leftovers(self.settings.state_dir / "children.json").stop_all(print)
            raise
        self._process = None

    def said(self) -> str:
        """What the start has printed so far."""
        return self.output.read_text(errors="replace") if self.output.is_file() else ""

    def pid(self, program: str) -> int:
        """Process id of one program, as the supervisor last started it."""
        children = json.loads((self.settings.state_dir / "children.json").read_text())
        return int(children[program]["pid"])

    def signal(self, program: str, which: signal.Signals) -> None:
        """Sends a signal to one program, past its supervisor."""
        os.kill(self.pid(program), which)

    @asynccontextmanager
    async def partner(self) -> AsyncIterator[Partner]:
        """The demo partner's view of the API."""
        partner = Partner(self.settings.api_url, self.secrets()[PARTNER_KEY])
        try:
            yield partner
        finally:
            await partner.close()

    async def cli(self, *arguments: str) -> str:
        """What a command of this platform's command line prints; fails when it does not end with 0."""
        asked = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "cli", *arguments, cwd=PROJECT_ROOT, env=self._environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        said, wrong = await asked.communicate()
        assert asked.returncode == 0, wrong.decode()
        return said.decode()

    def secrets(self) -> dict[str, Any]:
        """The demo's logins and API key."""
        found: dict[str, Any] = json.loads(self.settings.demo_secrets_file.read_text())
        return found

    def password(self, role: Role) -> tuple[str, str]:
        """Login and password of the demo person with that role."""
        person = next(one for one in self.secrets()["logins"] if one["role"] == role)
        return person["login"], person["password"]

    async def register(self, sample: Sample) -> None:
        """Writes a card into its issuer's and the tills' books."""
        outsiders = Outsiders(self.settings)
        await outsiders.register(sample)
        await outsiders.close()

    async def hand_in(self, sample: Sample, *, accepted: bool = True) -> str:
        """Registers a card and submits it typed, with acceptance of any quote beforehand or without; returns its id."""
        await self.register(sample)
        card: dict[str, Any] = {
            "brand": sample.brand.code, "number": sample.number, "pin": sample.pin,
            "face_value": {"amount_minor": sample.face.amount_minor, "currency": sample.face.currency},
            "accept_at_or_above": {"amount_minor": 1} if accepted else None,
        }  # fmt: skip
        headers = {"authorization": f"Bearer {self.secrets()[PARTNER_KEY]}", "idempotency-key": secrets.token_hex(8)}
        # Another account for each card: what one payee may get within an hour without a person is capped.
        payee = PAYEE | {"account": f"138{secrets.randbelow(10**8):08d}"}
        async with httpx.AsyncClient(base_url=self.settings.api_url, timeout=15) as http:
            answer = await http.post("/v1/submissions", json={"cards": [card], "payee": payee}, headers=headers)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["card_ids"][0])

    async def seen(self, card_id: str) -> Seen:
        """The card as the API shows it."""
        async with self.partner() as partner:
            return (await partner.look())[card_id]

    async def reaches(self, card_id: str, wanted: Callable[[Seen], bool], seconds_max: float = 60.0) -> Seen:
        """Looks at the card, over outages of whatever is being killed, until it is as wanted; fails with where it stands."""
        last: list[object] = ["not seen yet"]

        async def look() -> bool:
            try:
                last[0] = await self.seen(card_id)
            except (Refused, KeyError) as away:  # Something is down at the moment; the deadline below tells what.
                last[0] = away
            return isinstance(last[0], Seen) and wanted(last[0])

        await until(look, seconds_max, lambda: f"{last[0]}\n{self.said()[-2000:]}")
        assert isinstance(last[0], Seen)
        return last[0]

    async def demo_is_calm(self) -> None:
        """Wait until the demo's own cards are where people come in: an outage would take them along."""
        waiting = """
        SELECT count(*) FROM card JOIN submission ON submission.id = card.submission_id
        WHERE idempotency_key LIKE 'demo-%' AND waiting_for IN ('seller_confirm', 'seller_payee', 'bank', 'finance', 'gateway', 'nobody')
        """

        async def calm() -> bool:
            return int((await self.rows(waiting))[0][0]) >= DEMO_CARDS

        await until(calm, 120, self.said)

    async def paid(self, card_id: str, seconds_max: float = 60.0) -> Seen:
        """Waits for the card's end, which must be a payment."""
        end = await self.reaches(card_id, lambda seen: seen.outcome is not None, seconds_max)
        assert end.outcome is Outcome.PAID, end
        return end

    async def approve(self, card_id: str, sample: Sample) -> None:
        """A reviewer takes the card at the console and approves it."""
        reviewer = Reviewer(self.settings.console_url, *self.password(Role.REVIEWER))
        await reviewer.decide(card_id, sample, corrects_pin=False)
        await reviewer.close()

    async def transfers(self, card_id: str) -> list[dict[str, Any]]:
        """What Alipay has transferred, or begun to, for this card."""
        async with httpx.AsyncClient() as http:
            made = (await http.get(f"{self.settings.alipay_url}transfers")).json()
        return [one for one in made if card_id in one["out_biz_no"]]

    @asynccontextmanager
    async def control(self, system: str, **switches: object) -> AsyncIterator[None]:
        """An outside system misbehaves inside the block, and behaves again after it."""
        url = f"{getattr(self.settings, f'{system}_url')}controls"
        async with httpx.AsyncClient() as http:
            before = (await http.get(url)).json()
            (await http.post(url, json=switches)).raise_for_status()
            try:
                yield
            finally:
                (await http.post(url, json={name: before[name] for name in switches})).raise_for_status()

    async def violations(self) -> list[Violation]:
        """What is broken of what must always hold."""
        store = database(self.settings)
        try:
            async with store.transaction() as session:
                return await violations(session, keys.load(self.settings).keyring.evidence_public_key)
        finally:
            await store.dispose()

    async def rows(self, sql: str, **values: object) -> list[Any]:
        """Rows of the platform's own database."""
        store = database(self.settings)
        try:
            async with store.transaction() as session:
                return list((await session.execute(text(sql), values)).all())
        finally:
            await store.dispose()

    async def checkpoint(self) -> None:
        """PostgreSQL writes everything that it holds in memory to its files."""
        store = database(self.settings)
        async with store.transaction() as session:
            await session.execute(text("CHECKPOINT"))
        await store.dispose()

    async def healthy(self) -> None:
        """Return when the pages can serve again: with their database, and the API with Temporal."""
        urls = [f"{self.settings.api_url}/readyz", f"{self.settings.console_url}/readyz"]
        await until(all_answer(urls), READY_S, self.said)

    def _spawn(self, sink: BinaryIO) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "cli", "up"]
        return subprocess.Popen(command, cwd=PROJECT_ROOT, env=self._environment, stdout=sink, stderr=sink)

    def _process_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None


async def until(holds: Callable[[], bool | Awaitable[bool]], seconds_max: float, why_not: Callable[[], object]) -> None:
    """Asks again and again; fails with `why_not` when it does not hold in time, which is stretched on a slow machine."""
    deadline = time.monotonic() + patience(seconds_max)
    while True:
        found = holds()
        if found if isinstance(found, bool) else await found:
            return
        assert time.monotonic() < deadline, f"not within {seconds_max:g} s: {why_not()}"
        await asyncio.sleep(LOOK_S)


def jd_card(face_minor: int = 50_000) -> Sample:
    """A fresh e-commerce card: straight through by machine."""
    body = "JD" + "".join(secrets.choice("ABCDEFGHKLMNPQRSTUVWXYZ23456789") for _ in range(13))
    return _fresh("jd", body + mod_37_36.calc_check_digit(body), None, face_minor)


def starbucks_card(face_minor: int = 20_000) -> Sample:
    """A fresh dining card: a reviewer always decides."""
    body = "81" + "".join(str(secrets.randbelow(10)) for _ in range(13))
    return _fresh("starbucks", body + luhn.calc_check_digit(body), "73910468", face_minor)


def _fresh(code: str, number: str, pin: str | None, face_minor: int) -> Sample:
    return Sample(
        photo="", brand=brand(code), number=number, pin=pin, face=Money(face_minor), expiry=None, status=CardStatus.ACTIVE,
        left_minor=face_minor, outcome=Outcome.PAID, reason=None, needs=frozenset(), quote_minor=None,
    )  # fmt: skip


def free_ports(count: int) -> int:
    """The first of so many free ports in a row, below those that the system assigns."""
    tries = (random.randrange(10_000, 30_000) for _ in range(100))
    return next(first for first in tries if not any(in_use("127.0.0.1", first + place) for place in range(count)))


def _without_ours() -> dict[str, str]:
    ours = ("CARDLOOP_", "DATABASE_URL", "LC_", "LANG")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | {"LC_ALL": "C.UTF-8"}


def end_after(
    item: pytest.Item, nextitem: pytest.Item | None, later: Sequence[pytest.Item], running: Sequence[Ended]
) -> None:
    """Stop the platforms after the last test that needs them: idle, their programs take a fifth of a processor from all others.

    `later` are the tests of this process that may come after the next one; none where xdist keeps a group together.
    """
    following = [*later, *([] if nextitem is None else [nextitem])]
    if needs_it(item) and not any(needs_it(one) for one in following):
        for platform in running:
            platform.end()


def later_than(item: pytest.Item) -> Sequence[pytest.Item]:
    """Return the tests after this one. Without xdist, others stand between those of a group."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return ()
    return item.session.items[item.session.items.index(item) + 1 :]


def needs_it(item: pytest.Item) -> bool:
    """Return whether this test is one of those that share the platform; not each of them asks for it."""
    return any(mark.args == WHOLE.args for mark in item.iter_markers(WHOLE.name))


class Ended(Protocol):
    """What can be ended."""

    def end(self) -> None:
        """End it."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def whole(settings: Settings) -> AsyncIterator[WholePlatform]:
    """The platform, running."""
    with throwaway_folder("whole") as home:
        platform = WholePlatform(home, settings.cache_dir)
        RUNNING.append(platform)
        try:
            await platform.start()
            yield platform
        finally:
            RUNNING.remove(platform)
            await platform.stop()
