"""Related cards on a card's page: similar photos, adjacent numbers, its seller's other cards, and the resulting risks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.cards import similar
from database.reads.cards.card_page import CardRecord
from database.reads.cards.similar import OtherCard, Rejection, SellerHistory
from database.reads.support.desk import of_card
from database.reads.support.tickets import TicketLine
from database.repositories import cards as stored
from domain.cards.review import ReviewReason
from domain.cards.verification import Secures
from domain.review.card_risks import Surroundings, WeighedRisk, risks_of
from domain.rules.assessment import neighbours_of
from domain.rules.brands import brand
from domain.rules.payable import WITHOUT_ISSUER
from domain.sealing import KeyRing


@dataclass(frozen=True)
class BesideView:
    """Other cards, as links; `number_known` and `photo_known` say whether there was anything to look for."""

    look_alikes: tuple[OtherCard, ...]
    neighbours: tuple[OtherCard, ...]
    seller: SellerHistory
    risks: tuple[WeighedRisk, ...]
    rejections: tuple[Rejection, ...]  # Of this very number, by any seller.
    number_known: bool
    photo_known: bool
    brand_names: Mapping[str, Mapping[str, str]]  # By brand and locale, of every brand named here.
    tickets: tuple[TicketLine, ...]  # About the card, the newest first; never shown to who reviews it blind.


async def beside(session: AsyncSession, record: CardRecord, keyring: KeyRing, now: datetime) -> BesideView:
    """Everything beside the card. Its number is opened only to compute its neighbours' keyed fingerprints."""
    known, number = brand(record.card.brand), stored.open_number(keyring, record.card)
    near = neighbours_of(known, number) if number is not None and known.matches_pattern(number) else ()
    prints = [keyring.fingerprint(known.issuer, one) for one in near]
    found = await similar.beside(session, record.card.id, record.submission.owner, prints, now)
    named = (*found.look_alikes, *found.neighbours, *found.seller.newest)
    return BesideView(
        look_alikes=found.look_alikes,
        neighbours=found.neighbours,
        seller=found.seller,
        risks=risks_of(_surroundings(record, found)),
        rejections=await similar.rejections(session, record.card, record.submission.owner),
        number_known=bool(prints),
        photo_known=any(photo.look is not None for photo in record.photos),
        brand_names={one.brand: brand(one.brand).names for one in named},
        tickets=await of_card(session, record.card.id),
    )


def _surroundings(record: CardRecord, found: similar.Beside) -> Surroundings:
    task, seller = record.task, found.seller
    reasons = () if task is None or task.closed_at is not None else tuple(ReviewReason(one) for one in task.reasons)
    same = [one for one in found.look_alikes if one.same_photo]
    alike = [one for one in found.look_alikes if not one.same_photo]
    return Surroundings(
        reasons=reasons,
        photos_of_others=_count(same, same_seller=False),
        photos_of_seller=_count(same, same_seller=True),
        alike_of_others=_count(alike, same_seller=False),
        alike_of_seller=_count(alike, same_seller=True),
        neighbours_of_others=_count(found.neighbours, same_seller=False),
        neighbours_of_seller=_count(found.neighbours, same_seller=True),
        seller_cards=seller.sold + seller.rejected + seller.in_progress + seller.other,
        seller_bad=seller.bad,
        seller_last_day=seller.last_day,
        spendable=brand(record.card.brand).secures is Secures.NONE or bool(WITHOUT_ISSUER.intersection(reasons)),
    )


def _count(cards: Sequence[OtherCard], *, same_seller: bool) -> int:
    return sum(one.same_seller is same_seller for one in cards)
