"""Handing in a card: choose its brand, photograph or type it, say whom to pay; the form is sealed against tampering."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.responses import Response

from database.reads.cards import seller as reads
from database.reads.ops.providers import Delay, delay_of, delays
from database.sealed import PAYEE_ACCOUNT, PAYEE_NAME
from database.tables.columns import now
from domain.cards.card import Stage
from domain.cards.intake import Submission, SubmittedCard
from domain.errors.base import Refusal
from domain.errors.cards import NothingToRead
from domain.errors.files import TooManyPhotos
from domain.errors.general import FieldInvalid
from domain.finance.rails import Rail, require_offered
from domain.money import Money
from domain.rules.brands import Brand, brand, catalogue
from domain.typed import plain
from seller_ui.intake_points import VIA, CameVia, came_via, keep, point_of
from seller_ui.site import (
    NO_FAULTS,
    REFUSED,
    AnyVisit,
    Faults,
    FormRefused,
    SellerVisit,
    Visit,
    collect,
    require_filled,
    status_of,
    texts,
    typed,
    uploads,
)
from services.finance.payees import Named
from web.forms import member_of, money_of
from workflows.starter import start_cards

router = APIRouter()
HOWS = ("photo", "type")
TYPED = ("number", "pin", "face_value", "expiry", "shows", "payee", "payee_account", "payee_bank", "payee_name")
PHOTOS_MAX = 4  # Of one card.
CARDS_MAX = 10  # One photo each; more would not fit into one request.


@dataclass(frozen=True)
class BrandsPage:
    """Context of brands.html."""

    brands: tuple[Brand, ...]
    ended: tuple[Brand, ...]
    via: CameVia
    section: str = "sell"


@dataclass(frozen=True)
class SellPage:
    """Context of sell.html; `typed` is what the form holds, `payee_masked` the account paid last time."""

    brand: Brand
    how: str
    shown: str
    typed: Mapping[str, str]
    payee_masked: str | None
    rails: tuple[Rail, ...]
    digits_only: bool
    delay: Delay | None  # Whom a card of this brand is verified with is in maintenance: no turnaround is promised.
    via: CameVia  # The offline point that takes the card in.
    faults: Faults = NO_FAULTS
    photos_lost: bool = False  # Photos came with a refused form: a browser does not put them into it again.
    section: str = "sell"


@router.get("/")
async def front(visit: AnyVisit) -> Response:
    """List the brands that are bought; a visitor sees them before signing in. Those that no longer are follow, with the reason."""
    brands = sorted(catalogue().values(), key=lambda entry: ("high", "medium", "low").index(entry.popularity))
    moment = now()
    bought, ended = (tuple(one for one in brands if one.is_bought(moment) is yes) for yes in (True, False))
    via = came_via(visit.request)
    return _kept(visit, via, await visit.page("brands.html", BrandsPage(bought, ended, via)))


@router.get("/sell/{code}")
async def form(visit: SellerVisit, code: str, how: str = "photo") -> Response:
    """Show the form for one card of this brand. Refuses BrandNotBought."""
    chosen = brand(code)
    chosen.require_bought(now())
    via = came_via(visit.request)
    return _kept(visit, via, await _form(visit, chosen, how if how in HOWS else "photo", {}, None, via))


@router.post("/sell/{code}")
async def send(visit: SellerVisit, code: str) -> Response:
    """Takes the card in and goes to its page, or the cards and goes to their list; a refused form comes back as typed."""
    chosen = brand(code)
    sent = await visit.request.form()
    words = texts(sent)
    if (known := await _sent_before(visit, sent)) is not None:
        return visit.go(f"/cards/{known}")
    try:
        await visit.site.sell_throttle.hit("sell", visit.owner)
        card_ids = await _submit(visit, chosen, sent)
    except REFUSED as refused:
        how = "type" if words.get("how") == "type" else "photo"
        via, lost = point_of(words.get(VIA, "")), bool(await uploads(sent, "photo"))
        via = CameVia() if via.unknown else via  # What is refused says so; sent again, the form names no point.
        return _kept(visit, via, await _form(visit, chosen, how, words, refused, via, photos_lost=lost))
    return visit.go(f"/cards/{card_ids[0]}" if len(card_ids) == 1 else "/cards")


def _kept(visit: Visit, via: CameVia, page: Response) -> Response:
    keep(visit.request, page, via, secure=visit.site.services.cookies_secure)
    return page


async def _form(
    visit: Visit,
    chosen: Brand,
    how: str,
    sent: Mapping[str, str],
    refused: Refusal | FormRefused | None,
    via: CameVia,
    *,
    photos_lost: bool = False,
) -> Response:
    async with visit.site.services.database.transaction() as session:
        last = await reads.last_payee(session, visit.owner)
        held = await delays(session, now())
    same = last is not None and last.rail in visit.site.services.rails
    values = typed(sent, *TYPED) | {"payee": sent.get("payee", "same" if same else "other")}
    values |= {"payee_rail": sent.get("payee_rail", last.rail.value if last else Rail.ALIPAY.value)}
    page = SellPage(
        brand=chosen,
        how=how,
        shown=visit.site.forms.issue(chosen.code, visit.locale, visit.owner),
        typed=values,
        payee_masked=last.masked if last and same else None,
        rails=visit.site.services.rails,
        digits_only=digits_only(chosen),
        delay=delay_of(held, Stage.INTAKE, chosen.card_type, chosen.code),
        via=via,
        faults=visit.faults(refused),
        photos_lost=photos_lost,
    )
    return await visit.page("sell.html", page, status=status_of(refused) if refused else 200)


async def _submit(visit: Visit, chosen: Brand, form: FormData) -> tuple[str, ...]:
    services, sent = visit.site.services, texts(form)
    shown = visit.site.forms.read(sent.get("shown", ""), chosen.code, visit.owner)
    photos = await uploads(form, "photo")
    require_complete(chosen, sent, photos)
    if point_of(sent.get(VIA, "")).unknown:
        raise FieldInvalid(field="intake_point", why="closed")
    payee = await _payee(visit, sent)
    form_hash = visit.site.forms.digest(sent["shown"], sent, photos)
    submissions = [
        Submission(
            owner=visit.owner,
            idempotency_key=key,
            cards=(card,),
            payee_account=payee.account,
            payee_name=payee.name,
            payee_rail=payee.rail,
            channel="web",
            locale=visit.locale,
            form_hash=form_hash,
            intake_point=sent.get(VIA, ""),
        )
        for key, card in _keyed(shown.form_id, cards_from(chosen, sent, photos))
    ]
    receipts = await services.intake.submit_together(submissions)
    card_ids = tuple(card_id for receipt in receipts for card_id in receipt.card_ids)
    await start_cards(services.intake, services.desk, card_ids)
    return card_ids


def require_complete(chosen: Brand, sent: Mapping[str, str], photos: tuple[bytes, ...]) -> None:
    """Raises FormRefused with everything that is missing or malformed, in the order of the form."""
    typing = sent.get("how") == "type" or (not photos and bool(sent.get("number")))
    card = _typed_checks(chosen, sent) if typing else _photo_checks(chosen, sent, photos)
    banks = ("payee_bank",) if sent.get("payee_rail") == Rail.BANK else ()
    payee = () if sent.get("payee") == "same" else ("payee_account", *banks, "payee_name")
    collect(*card, *(partial(require_filled, sent, field) for field in payee))


def _typed_checks(chosen: Brand, sent: Mapping[str, str]) -> list[Callable[[], object]]:
    checks: list[Callable[[], object]] = [
        lambda: chosen.require_number(require_filled(sent, "number")),
        lambda: face_value(chosen, require_filled(sent, "face_value")),
        lambda: expiry(sent.get("expiry", "")),
    ]
    if chosen.pin is not None:
        checks.insert(1, lambda: chosen.require_pin(require_filled(sent, "pin")))
    return checks


def _photo_checks(chosen: Brand, sent: Mapping[str, str], photos: tuple[bytes, ...]) -> list[Callable[[], object]]:
    return [
        lambda: cards_from(chosen, {**sent, "face_value": ""}, photos),
        lambda: face_value(chosen, sent.get("face_value", "")),
    ]


def _keyed(form_id: str, cards: tuple[SubmittedCard, ...]) -> list[tuple[str, SubmittedCard]]:
    """Each card with its idempotency key: a form that is sent twice makes each of its cards once."""
    if len(cards) == 1:
        return [(form_id, cards[0])]
    return [(f"{form_id}-{number}", card) for number, card in enumerate(cards, 1)]


def cards_from(chosen: Brand, sent: Mapping[str, str], photos: tuple[bytes, ...]) -> tuple[SubmittedCard, ...]:
    """One card, or one for each photo where the seller says so: nothing typed is then put on any of them."""
    each = tuple(dict.fromkeys(photos))  # The same file chosen twice is one card.
    if sent.get("shows") != "several" or len(each) < 2:
        return (card_from(chosen, sent, photos),)
    if len(each) > CARDS_MAX:
        raise TooManyPhotos(most=CARDS_MAX)
    return tuple(card_from(chosen, {}, (photo,)) for photo in each)


async def _sent_before(visit: Visit, form: FormData) -> str | None:
    """The card that this very form made when it was sent first; neither limits nor rules are asked again."""
    sent, forms = texts(form), visit.site.forms
    form_id = forms.form_id(sent.get("shown", ""))
    if not form_id:
        return None
    digest = forms.digest(sent["shown"], sent, await uploads(form, "photo"))
    known = await visit.site.services.intake.repeated(visit.owner, form_id, digest)
    return known.card_ids[0] if known is not None else None


def card_from(chosen: Brand, sent: Mapping[str, str], photos: tuple[bytes, ...]) -> SubmittedCard:
    """Read the card from the form. The reading of a photo is shown to the seller before submission."""
    number, pictures = sent.get("number") or None, tuple(dict.fromkeys(photos))
    if not number and not pictures:
        raise NothingToRead(card=0)
    if len(pictures) > PHOTOS_MAX:
        raise TooManyPhotos(most=PHOTOS_MAX)
    return SubmittedCard(
        brand=chosen.code,
        face_value=face_value(chosen, sent.get("face_value", "")),
        number=number,
        pin=sent.get("pin") or None,
        expiry=expiry(sent.get("expiry", "")),
        photos=pictures,
        confirm_fields=bool(pictures),
    )


def face_value(chosen: Brand, written: str) -> Money | None:
    """`500` or `500.00` in the brand's currency; None when left empty. Refuses what is no such amount."""
    if not written:
        return None
    return chosen.require_face_value(money_of("face_value", written, chosen.currency, "amount"))


def expiry(written: str) -> date | None:
    """Parse a date as browsers send it; None when left empty."""
    if not written:
        return None
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise FieldInvalid(field="expiry", why="date") from None


def digits_only(chosen: Brand) -> bool:
    """Return whether the number keyboard is enough for this brand's numbers."""
    return "A-Z" not in chosen.number


async def _payee(visit: Visit, sent: Mapping[str, str]) -> Named:
    """Who is paid: as typed, or as in the last submission."""
    return await _last_payee(visit) if sent.get("payee") == "same" else named_payee(visit, sent)


def named_payee(visit: Visit, sent: Mapping[str, str]) -> Named:
    """Read the payee from the form. Refuses a rail that is not offered, and raises FormRefused for what is missing."""
    rail = require_offered(member_of(Rail, sent.get("payee_rail")) or Rail.ALIPAY, visit.site.services.rails)
    account, name = require_filled(sent, "payee_account"), require_filled(sent, "payee_name")
    if rail is Rail.BANK:
        account = f"{plain(account).replace(' ', '')} {plain(require_filled(sent, 'payee_bank'))}"
    return Named(account, name, rail)


async def _last_payee(visit: Visit) -> Named:
    keyring = visit.site.services.keyring
    async with visit.site.services.database.transaction() as session:
        last = await reads.last_payee(session, visit.owner)
    if last is None:
        raise FieldInvalid(field="payee_account", why="missing")
    account = PAYEE_ACCOUNT.open(keyring, last.submission_id, last.account_sealed)
    name = PAYEE_NAME.open(keyring, last.submission_id, last.name_sealed)
    return Named(account, name, require_offered(last.rail, visit.site.services.rails))
