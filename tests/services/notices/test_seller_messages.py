"""A seller is notified by a short message when it is their turn, when their money is late, and how their card ended: once each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from database.repositories import cards, outbox
from database.repositories.cards import Change
from database.sealed import SELLER_PHONE
from database.session import Database
from database.tables.cards import SubmissionRow
from database.tables.people import SellerRow
from database.tables.platform import OutboxRow
from domain.cards.card import Outcome, Stage, WaitingFor
from domain.cards.turns import SellerMessage, remind_at, turns
from domain.identifiers import new_id
from domain.support.tickets import TicketState
from gateways.http import new_client
from gateways.webhooks import WebhookGateway
from languages import LOCALES, translate
from services.notices.outbox_delivery import Delivery, message_text
from services.support.announcing import BY_MESSAGE
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.conftest import console_url as console_url
from tests.reviewer_ui.conftest import house as house
from tests.reviewer_ui.waiting_cards import Waiting

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
PHONE = "+8613800138021"
ASKED = Change(Stage.REVIEW, WaitingFor.SELLER_ITEM, None, "review.asked_pin")
PAID = Change(Stage.ENDED, WaitingFor.NOBODY, None, "payout.paid", {"amount": "441.00 CNY"}, outcome=Outcome.PAID)
LATE = Change(Stage.PAYOUT, WaitingFor.GATEWAY, None, "payout.unknown")
MACHINE = Change(Stage.PAYOUT, WaitingFor.MACHINE, None, "payout.prepared")


def offered(left: timedelta = timedelta(hours=24)) -> Change:
    until = datetime.now(UTC) + left
    return Change(Stage.OFFER, WaitingFor.SELLER_OFFER, until, "offer.made", {"amount": "441.00 CNY"})


class Phones:
    """A message gateway that keeps what it was given."""

    def __init__(self) -> None:
        self.texts: list[tuple[str, str, str]] = []

    async def send(self, key: str, to: str, text: str, *, template: str, locale: str) -> None:
        del key, locale
        self.texts.append((to, template, text))


async def sold_by(house: House, locale: str = "zh_CN") -> Waiting:
    """A card of a seller with a telephone, who reads this language."""
    waiting, seller = await house.cards.waiting(), new_id()
    sealed = SELLER_PHONE.seal(house.keyring, seller, PHONE)
    row = SellerRow(id=seller, phone_sealed=sealed, phone_index=new_id(), phone_masked="138****8021", locale=locale)
    async with house.database.transaction() as session:
        await session.execute(update(OutboxRow).values(delivered_at=NOW))  # What other tests left is not ours to send.
        session.add(row)
        (await session.get_one(SubmissionRow, f"S{waiting.card_id}")).owner = f"seller:{seller}"
    return waiting


async def moved(database: Database, waiting: Waiting, *changes: Change) -> None:
    for change in changes:
        async with database.transaction() as session:
            await cards.record(session, waiting.card_id, change)


async def messages(database: Database, waiting: Waiting) -> list[str]:
    async with database.transaction() as session:
        rows = select(OutboxRow).where(OutboxRow.payload["card_id"].astext == waiting.card_id).order_by(OutboxRow.id)
        return [row.topic for row in (await session.execute(rows)).scalars()]


def delivery(house: House, phones: Phones, pages_url: str = "") -> Delivery:
    webhooks = WebhookGateway(new_client(""))
    return Delivery(house.database, house.keyring, webhooks, phones, pages_url=pages_url)  # type: ignore[arg-type]


@pytest.mark.parametrize(("locale", "brand"), [("zh_CN", "星巴克"), ("en", "Starbucks")])
async def test_a_seller_reads_in_their_own_language_that_an_offer_is_ready(
    house: House, locale: str, brand: str
) -> None:
    waiting, phones = await sold_by(house, locale), Phones()
    await moved(house.database, waiting, offered())
    await delivery(house, phones).deliver_due()
    ((to, template, text),) = phones.texts
    assert (to, template) == (PHONE, "quote_ready")
    assert text == translate("message.quote_ready", locale, {"brand": brand, "amount": "441.00 CNY"})


async def test_each_turn_is_announced_once_however_often_it_is_recorded(house: House) -> None:
    waiting = await sold_by(house)
    await moved(house.database, waiting, ASKED, ASKED, LATE, MACHINE, LATE, PAID, PAID)
    assert await messages(house.database, waiting) == ["item_asked", "payment_delayed", "paid"]


async def test_what_is_asked_for_again_is_announced_again(house: House) -> None:
    waiting = await sold_by(house)
    reviewed = Change(Stage.REVIEW, WaitingFor.REVIEWER, None, "review.opened")
    await moved(house.database, waiting, ASKED, reviewed, ASKED)
    assert await messages(house.database, waiting) == ["item_asked", "item_asked"]


async def test_a_reminder_waits_and_is_not_sent_once_the_quote_is_answered(house: House) -> None:
    waiting, phones = await sold_by(house), Phones()
    await moved(house.database, waiting, offered())
    assert sorted(await messages(house.database, waiting)) == ["quote_expiring", "quote_ready"]
    await delivery(house, phones).deliver_due()
    assert [template for _, template, _ in phones.texts] == ["quote_ready"]
    await moved(house.database, waiting, MACHINE)
    await _all_due(house, waiting)
    await delivery(house, phones).deliver_due()
    assert [template for _, template, _ in phones.texts] == ["quote_ready"]
    assert await messages(house.database, waiting) == ["quote_ready"]


async def test_a_reminder_of_an_open_quote_is_sent(house: House) -> None:
    waiting, phones = await sold_by(house), Phones()
    await moved(house.database, waiting, offered())
    await _all_due(house, waiting)
    await delivery(house, phones).deliver_due()
    assert sorted(template for _, template, _ in phones.texts) == ["quote_expiring", "quote_ready"]


async def test_partners_card_sends_no_message(house: House) -> None:
    waiting = await sold_by(house)
    async with house.database.transaction() as session:
        (await session.get_one(SubmissionRow, f"S{waiting.card_id}")).owner = f"partner:{new_id()}"
    await moved(house.database, waiting, ASKED, PAID)
    assert await messages(house.database, waiting) == []


@pytest.mark.parametrize(
    ("stage", "waits", "outcome", "message"),
    [
        (Stage.READING, WaitingFor.SELLER_FIELDS, None, SellerMessage.FIELDS_ASKED),
        (Stage.PAYOUT, WaitingFor.SELLER_PAYEE, None, SellerMessage.PAYEE_ASKED),
        (Stage.PAYOUT, WaitingFor.ISSUER, None, SellerMessage.PAYMENT_DELAYED),
        (Stage.ENDED, WaitingFor.NOBODY, Outcome.REJECTED, SellerMessage.REJECTED),
        (Stage.ENDED, WaitingFor.NOBODY, Outcome.CANCELLED, SellerMessage.CANCELLED),
        (Stage.ENDED, WaitingFor.NOBODY, Outcome.DECLINED, None),
        (Stage.VERIFICATION, WaitingFor.ISSUER, None, None),
        (Stage.VERIFICATION, WaitingFor.SELLER_CODE, None, None),  # The issuer itself has sent them a code.
        (Stage.REVIEW, WaitingFor.REVIEWER, None, None),
    ],
)
def test_which_message_is_sent(
    stage: Stage, waits: WaitingFor, outcome: Outcome | None, message: SellerMessage | None
) -> None:
    found = [one.message for one in turns(stage, waits, outcome, None, NOW)]
    assert found == ([] if message is None else [message])


@pytest.mark.parametrize(
    ("left", "before"),
    [
        (timedelta(hours=24), timedelta(hours=2)),
        (timedelta(hours=4), timedelta(hours=1)),
        (timedelta(minutes=19), None),
    ],
)
def test_a_reminder_leaves_while_there_is_time_to_answer(left: timedelta, before: timedelta | None) -> None:
    assert remind_at(NOW + left, NOW) == (None if before is None else NOW + left - before)


@pytest.mark.parametrize("locale", LOCALES)
def test_every_message_fits_into_two_text_messages_and_names_no_number(locale: str) -> None:
    for one in SellerMessage:
        text = translate(f"message.{one}", locale, {"brand": "华联超市" * 2, "amount": "10000.00 CNY"})
        assert len(text) <= (134 if locale == "zh_CN" else 306), one


@pytest.mark.parametrize("locale", LOCALES)
def test_every_message_about_a_ticket_links_to_its_page_and_fits_into_two_text_messages(locale: str) -> None:
    said, ticket = [], {"ticket_id": new_id()}
    for topic in ("ticket.answered", *BY_MESSAGE):
        for state in TicketState:
            text = message_text(topic, ticket | {"state": state.value}, locale, "https://sell.cardloop.example.com")
            assert f"https://sell.cardloop.example.com/tickets/{ticket['ticket_id']}" in text
            assert len(text) <= (134 if locale == "zh_CN" else 306), topic
            said.append(text)
    assert len(set(said)) == len(BY_MESSAGE) + 3  # An answer asks, solves, or does neither.


async def test_a_seller_gets_a_message_with_the_link_for_an_answer(house: House) -> None:
    waiting, phones = await sold_by(house, "en"), Phones()
    async with house.database.transaction() as session:
        owner = (await session.get_one(SubmissionRow, f"S{waiting.card_id}")).owner
        await outbox.put(session, "message", owner, "ticket.answered", {"ticket_id": "T1", "state": "solved"})
    await delivery(house, phones, "https://sell.example").deliver_due()
    ((to, template, text),) = phones.texts
    assert (to, template, text.endswith("is solved: https://sell.example/tickets/T1")) == (
        PHONE,
        "ticket.answered",
        True,
    )


async def _all_due(house: House, waiting: Waiting) -> None:
    async with house.database.transaction() as session:
        mine = update(OutboxRow).where(
            OutboxRow.payload["card_id"].astext == waiting.card_id, OutboxRow.delivered_at.is_(None)
        )
        await session.execute(mine.values(due_at=datetime.now(UTC) - timedelta(seconds=1)))
