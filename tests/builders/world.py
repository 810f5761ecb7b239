"""Everything the activities touch, real: the database, and the six simulators over HTTP; with builders for cards and people."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import select
from stdnum import luhn
from stdnum.iso7064 import mod_37_36

from activities.cards import Journey
from activities.payout import Payout
from activities.pricing import Pricing
from activities.review.alarms import Alarms
from activities.review.tasks import Review
from activities.verification.inquiry import Verification
from database.session import Database
from database.tables.cards import CardEventRow, CardRow, SubmissionRow
from database.tables.people import PersonRow, SellerRow
from domain.cards.card import Stage, WaitingFor
from domain.cards.facts import SubmissionReceipt
from domain.cards.intake import Submission, SubmittedCard
from domain.finance.rails import Rail
from domain.identifiers import new_id, payout_key
from domain.money import Money
from domain.rules.brand_document import Check
from domain.rules.brands import brand
from domain.sealing import KeyRing
from gateways.alipay.notices import AlipayNotices
from gateways.alipay.rsa2 import Signer, Verifier
from gateways.breaker import Breakers
from gateways.fx import FxGateway
from gateways.issuer import IssuerGateway
from gateways.messages import MessageGateway
from gateways.outlet import OutletGateway
from gateways.payout.alipay import AlipayGateway
from gateways.pictures.store import PhotoStore
from gateways.pos import PosGateway
from services.cards.intake import Intake
from services.cards.outlet_reports import OutletReports
from services.cards.provider_calls import Parties
from services.cards.stock import Stock
from services.finance.payment_notifications import PaymentNotices
from services.people.seller_sign_in import SellerSignIn
from services.review.desk import ReviewDesk, review_desk
from simulators.alipay import Alipay
from simulators.alipay_wire import APP_PUBLIC_FILE
from simulators.fx import Fx
from simulators.issuer import Issuer
from simulators.messages import Messages
from simulators.outlet import Outlet
from simulators.pos import Pos
from simulators.program import Program, Setup
from tests.builders.key_pairs import new_key_pair
from tests.gateways.partners import Partner, partner
from tests.rooms import nobody_has_room
from tests.simulators.running import SECRET

APP_ID = "2021000000000001"
APP_PRIVATE, APP_PUBLIC = new_key_pair()
PHONES = iter(range(13_800_000_000, 13_900_000_000))
CHANCE = random.Random(7)


@dataclass
class World:
    """The activities, and the partners whose controls a test turns."""

    database: Database
    keyring: KeyRing
    photos: PhotoStore
    issuer: Partner
    pos: Partner
    outlet: Partner
    fx: Partner
    alipay: Partner
    messages: Partner
    intake: Intake
    verification: Verification
    pricing: Pricing
    review: Review
    payout: Payout
    payment_notices: PaymentNotices
    journey: Journey
    alipay_program: Alipay
    sign_in: SellerSignIn

    async def calm(self) -> None:
        """Every partner well again, its book empty; and no person of this test is given work of the next one."""
        await nobody_has_room(self.database)
        for one in (self.issuer, self.pos, self.outlet, self.fx, self.alipay, self.messages):
            one.program.start_over()  # It shares our loop: no request is needed.

    @cached_property
    def review_desk(self) -> ReviewDesk:
        """The desk at which people take and decide tasks."""
        return review_desk(self.database, self.keyring)

    @property
    def outlet_reports(self) -> OutletReports:
        """The doors at which outlets report."""
        return OutletReports(self.database, self.keyring, OutletGateway(self.outlet.channel, Breakers()))

    @property
    def alarms(self) -> Alarms:
        """What the timers of a card's workflow call."""
        return Alarms(self.database)

    async def a_seller(self) -> str:
        """A seller with a telephone; returns the owner, `seller:<id>`."""
        seller_id, phone = new_id(), f"+86{next(PHONES)}"
        sealed = self.keyring.seal_text(phone, purpose="seller", aad=f"seller:{seller_id}:phone")
        row = SellerRow(id=seller_id, phone_sealed=sealed, phone_index=new_id(), phone_masked="138****0000")
        async with self.database.transaction() as session:
            session.add(row)
        return f"seller:{seller_id}"

    async def a_person(self, *roles: str) -> str:
        """Add a person of the console; a reviewer unless roles are named."""
        row = PersonRow(
            id=new_id(),
            email=f"{new_id()}@example.com",
            name="Lin",
            password_hash="",
            roles=list(roles or ("reviewer",)),
        )
        async with self.database.transaction() as session:
            session.add(row)
        return row.id

    async def submitted(
        self, *cards: SubmittedCard, owner: str | None = None, key: str | None = None
    ) -> SubmissionReceipt:
        """A submission by a seller."""
        return await self.intake.submit(a_submission(*cards, owner=owner or await self.a_seller(), key=key))

    async def a_card(self, brand_code: str = "jd", *, magic: str = "00", owner: str | None = None, **more: Any) -> str:
        """A typed card, submitted alone; returns its id."""
        receipt = await self.submitted(a_typed_card(brand_code, magic=magic, **more), owner=owner)
        return receipt.card_ids[0]

    async def card(self, card_id: str) -> CardRow:
        """Return the card in its present state."""
        async with self.database.transaction() as session:
            return await session.get_one(CardRow, card_id)

    async def rows(self, table: Any, **wanted: Any) -> list[Any]:
        """The rows of a table with these values, in the order of their ids."""
        found = select(table).filter_by(**wanted).order_by(*table.__mapper__.primary_key)
        async with self.database.transaction() as session:
            return list((await session.execute(found)).scalars())

    async def story(self, card_id: str) -> list[str]:
        """What happened to the card, in order."""
        return [event.what for event in sorted(await self.rows(CardEventRow, card_id=card_id), key=lambda one: one.id)]

    async def payee_of(self, card_id: str) -> str:
        """The owner of the card."""
        card = await self.card(card_id)
        (submission,) = await self.rows(SubmissionRow, id=card.submission_id)
        return str(submission.owner)

    async def an_accepted_quote(self, **more: Any) -> tuple[str, str]:
        """A card whose quote met its standing acceptance; returns card and quote."""
        card_id = await self.a_card(accept_at_or_above=Money(1), **more)
        await self.verification.ask_issuer(card_id)
        valued = await self.pricing.value(card_id, 1)
        offered = await self.pricing.offer(card_id, valued.quote_id)
        assert offered.accepted
        return card_id, valued.quote_id

    async def a_confirmed_quote(self, **more: Any) -> tuple[str, str]:
        """An accepted quote whose card the issuer has confirmed again; returns card and quote."""
        card_id, quote_id = await self.an_accepted_quote(**more)
        assert (await self.verification.recheck(card_id, quote_id)).end_reason is None
        return card_id, quote_id

    async def a_prepared_payout(self, **more: Any) -> tuple[str, str]:
        """A card that is about to be paid; returns card and payout key."""
        card_id, quote_id = await self.a_confirmed_quote(**more)
        key = payout_key(card_id, 1)
        await self.payout.prepare(card_id, quote_id, key)
        return card_id, key

    async def transfers(self, key: str) -> list[dict[str, Any]]:
        """What the payment gateway did under this key."""
        found = (await self.alipay.plain.get("/transfers")).json()
        return [one for one in found if one["out_biz_no"] == key]

    async def awaits(self, card_id: str, stage: Stage, waiting_for: WaitingFor, what: str = "test.waits") -> None:
        """Let the card wait for a party, as the workflow would record it."""
        until = datetime.now(UTC).isoformat()
        await self.journey.move(card_id, stage, waiting_for, until, what)


def a_number(brand_code: str, magic: str = "00") -> str:
    """A fresh valid number whose characters before the check digit (or the last two) are `magic`."""
    known = brand(brand_code)
    prefix = {"jd": "JD", "starbucks": "81"}.get(brand_code, "")
    checked = 0 if known.check is Check.NONE else 1
    body = prefix + "".join(CHANCE.choices("0123456789", k=sum(known.group) - len(prefix) - checked - 2)) + magic
    if known.check is Check.LUHN:
        return body + str(luhn.calc_check_digit(body))
    return body + str(mod_37_36.calc_check_digit(body)) if checked else body


def a_typed_card(brand_code: str = "jd", *, magic: str = "00", **more: Any) -> SubmittedCard:
    """A card with number, PIN and face value typed: ¥500, or $500."""
    known = brand(brand_code)
    pin = {"[0-9]{6}": "604128", "[0-9]{8}": "60412877"}.get(known.pin or "")
    given: dict[str, Any] = {
        "face_value": Money(500_00, known.currency),
        "number": a_number(brand_code, magic),
        "pin": pin,
    }
    return SubmittedCard(brand=brand_code, **(given | more))


def a_submission(*cards: SubmittedCard, owner: str = "seller:ANY", key: str | None = None) -> Submission:
    """A submission with an idempotency key of its own."""
    key = key or new_id()
    # A payee of its own: what all tests together buy from one would be beyond its cap.
    account = f"139{int.from_bytes(key.encode()[-6:]) % 10**8:08d}"
    return Submission(owner, key, cards, payee_account=account, payee_name="王芳")


@asynccontextmanager
async def world_at(url: str, folder: Path, pool_size: int) -> AsyncIterator[World]:
    """A world on the database at that address, with a pool of its own."""
    database = Database(url, pool_size=pool_size)
    async with a_world(database, folder) as world:
        yield world
    await database.dispose()


@asynccontextmanager
async def a_world(database: Database, folder: Path) -> AsyncIterator[World]:
    """Starts the simulators and builds the activities on them."""
    keyring = KeyRing.generate()
    keys = folder / "keys"
    keys.mkdir()
    (keys / APP_PUBLIC_FILE).write_bytes(APP_PUBLIC)
    alipay_program = Alipay(Setup(seed=7, keys=keys, secret=SECRET))
    async with AsyncExitStack() as stack:
        messages = await stack.enter_async_context(partner(Messages(Setup(secret=SECRET))))
        programs: list[Program] = [
            Issuer(Setup(secret=SECRET, messages_url=messages.address)), Pos(Setup(secret=SECRET)), Outlet(Setup(secret=SECRET)),
            Fx(Setup(secret=SECRET)), alipay_program,
        ]  # fmt: skip
        issuer, pos, outlet, fx, alipay = [await stack.enter_async_context(partner(one)) for one in programs]
        client = await stack.enter_async_context(alipay.client())
        verifier = Verifier((await alipay.plain.get("/public-key")).content)
        hears = AlipayNotices(APP_ID, verifier)
        gateway = AlipayGateway(client, APP_ID, Signer(APP_PRIVATE), verifier, "")
        breakers = Breakers(failures_max=10_000)
        parties = Parties(
            IssuerGateway(issuer.channel, breakers), PosGateway(pos.channel, breakers),
            OutletGateway(outlet.channel, breakers), FxGateway(fx.channel, breakers), "http://127.0.0.1:9/callbacks/outlets",
        )  # fmt: skip
        photos = PhotoStore(
            folder / "photos",
            lambda plain: keyring.seal(plain, purpose="photo", aad="photo"),
            lambda sealed: keyring.open(sealed, purpose="photo", aad="photo"),
        )
        yield World(
            database, keyring, photos, issuer, pos, outlet, fx, alipay, messages,
            Intake(database, keyring, photos), Verification(database, keyring, parties), Pricing(database, keyring, Stock()),
            Review(database, keyring), Payout(database, keyring, {Rail.ALIPAY: gateway}),
            PaymentNotices(database, {Rail.ALIPAY: lambda body, _: hears.read(body)}), Journey(database), alipay_program,
            SellerSignIn(database, keyring, MessageGateway(messages.channel)),
        )  # fmt: skip
