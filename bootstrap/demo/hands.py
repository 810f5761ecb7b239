"""What the stories of a demo are carried out with: the platform's own services, and the sellers and people of the demo."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from enum import Enum

import structlog
from sqlalchemy import select
from stdnum.iso7064 import mod_37_36

from bootstrap.demo.good_card import ANY_PRICE, hand_in
from bootstrap.demo.logins import login_of
from bootstrap.demo.talk import Refused
from bootstrap.demo.tickets import SELLERS
from bootstrap.settings import Settings
from database.session import Database
from database.tables.cards import CardRow, QuoteRow, SubmissionRow
from database.tables.people import PersonRow, SellerRow
from domain.cards.pricing import QuoteState
from domain.errors.base import Refusal
from domain.money import Money
from domain.people.roles import Role
from domain.sealing import KeyRing
from gateways.pictures.store import PhotoStore
from services.cards.intake import Intake
from services.people.seller_sign_in import phone_index
from workflows.client import CardClient

_log = structlog.get_logger()


class Step(Enum):
    """What a look at a story came to."""

    DONE = "done"  # Something was done; there may be more to do.
    WAITS = "waits"  # The platform has to act first.
    OVER = "over"  # It was done, at this start or at an earlier one.


class Hands:
    """What every story needs."""

    def __init__(
        self, settings: Settings, store: Database, keyring: KeyRing, photos: PhotoStore, desk: CardClient
    ) -> None:
        self._settings = settings
        self.store = store
        self.keyring = keyring
        self.photos = photos
        self._desk = desk
        self._intake = Intake(store, keyring, photos)

    async def owner(self, name: str) -> str | None:
        """Return the seller of this name as the owner of cards; None before they are made."""
        index = phone_index(self.keyring, SELLERS[name][1])
        async with self.store.transaction() as session:
            found = await session.execute(select(SellerRow.id).where(SellerRow.phone_index == index))
            seller = found.scalar_one_or_none()
        return None if seller is None else f"seller:{seller}"

    async def person(self, role: Role, place: int = 1) -> str:
        """Return the id of the demo's first or second person with that role."""
        async with self.store.transaction() as session:
            mine = select(PersonRow.id).where(PersonRow.email == login_of(role, place))
            return (await session.execute(mine)).scalar_one()

    async def card(self, owner: str, key: str) -> CardRow | None:
        """Return the card that this owner submitted under this key."""
        mine = (
            select(CardRow)
            .join(SubmissionRow)
            .where(SubmissionRow.owner == owner, SubmissionRow.idempotency_key == key)
            .order_by(CardRow.id)
            .limit(1)
        )
        async with self.store.transaction() as session:
            return (await session.execute(mine)).scalar_one_or_none()

    async def sell(
        self, owner: str, key: str, stem: str, face: Money, payee: tuple[str, str], floor: Money | None = ANY_PRICE
    ) -> None:
        """Submit a card that its issuer knows as good: `JD` and thirteen letters or digits, its check digit is added.

        An offer from `floor` on is accepted at once; with None it waits for the seller's answer.
        """
        number = stem + str(mod_37_36.calc_check_digit(stem))
        await hand_in(self._settings, self._intake, owner, key, number, face, payee, floor)

    async def decline(self, card_id: str) -> None:
        """Say no to the open offer for a card, as its seller; nothing without one."""
        newest = select(QuoteRow.id).where(QuoteRow.card_id == card_id, QuoteRow.state == QuoteState.OPEN)
        async with self.store.transaction() as session:
            quote = (await session.execute(newest.order_by(QuoteRow.created_at.desc()).limit(1))).scalar_one_or_none()
        if quote is not None:
            await self._desk.answer_offer(card_id, quote, accept=False)


Story = Callable[[Hands], Awaitable[Step]]


class DemoStories:
    """Look at how far each story is and do its next step; each happens once, however often the platform is started."""

    def __init__(self, hands: Hands, stories: Sequence[Story]) -> None:
        self._hands = hands
        self._open = list(stories)

    async def look(self) -> int:
        """Return how many steps were done. What cannot be done now is tried at the next look."""
        done = 0
        for story in tuple(self._open):
            try:
                step = await story(self._hands)
            except (Refused, Refusal) as away:
                _log.info("demo_story_waits", story=story.__name__, reason=type(away).__name__)
                continue
            done += step is Step.DONE
            if step is Step.OVER:
                self._open.remove(story)
        return done
