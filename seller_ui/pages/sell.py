"""Handing in a card: choose its brand, photograph or type it, say whom to pay; the form is sealed against tampering."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.responses import Response

from database.reads import seller as reads
from domain.intake import Submission, SubmittedCard
from domain.money import Money
from domain.refusals import FieldInvalid, NothingToRead, Refusal
from domain.rules.brands import Brand, brand, catalogue
from domain.typed import plain
from seller_ui.site import AnyVisit, Fault, SellerVisit, Visit, texts, typed, uploads
from workflows.starter import start_cards

router = APIRouter()
HOWS = ("photo", "type")
TYPED = ("number", "pin", "face_value", "expiry", "payee", "payee_account", "payee_name")
PHOTOS_MAX = 4


@dataclass(frozen=True)
class BrandsPage:
    """Context of brands.html."""

    brands: tuple[Brand, ...]
    section: str = "sell"


@dataclass(frozen=True)
class SellPage:
    """Context of sell.html; `typed` is what the form holds, `payee_masked` the account paid last time."""

    brand: Brand
    how: str
    shown: str
    typed: Mapping[str, str]
    payee_masked: str | None
    digits_only: bool
    fault: Fault | None = None
    section: str = "sell"


@router.get("/")
async def front(visit: AnyVisit) -> Response:
    """The brands that are bought; a visitor sees them before signing in."""
    brands = sorted(catalogue().values(), key=lambda entry: ("high", "medium", "low").index(entry.popularity))
    return await visit.page("brands.html", BrandsPage(tuple(brands)))


@router.get("/sell/{code}")
async def form(visit: SellerVisit, code: str, how: str = "photo") -> Response:
    """The form for one card of this brand."""
    return await _form(visit, brand(code), how if how in HOWS else "photo", {}, None)


@router.post("/sell/{code}")
async def send(visit: SellerVisit, code: str) -> Response:
    """Takes the card in and goes to its page; a refused form comes back as it was typed."""
    chosen = brand(code)
    sent = await visit.request.form()
    words = texts(sent)
    if (known := await _sent_before(visit, sent)) is not None:
        return visit.go(f"/cards/{known}")
    try:
        visit.site.sell_throttle.hit(visit.owner)
        card_id = await _submit(visit, chosen, sent)
    except Refusal as refusal:
        how = "type" if words.get("how") == "type" else "photo"
        return await _form(visit, chosen, how, words, refusal)
    return visit.go(f"/cards/{card_id}")


async def _form(visit: Visit, chosen: Brand, how: str, sent: Mapping[str, str], refusal: Refusal | None) -> Response:
    async with visit.site.services.database.transaction() as session:
        last = await reads.last_payee(session, visit.owner)
    values = typed(sent, *TYPED) | {"payee": sent.get("payee", "same" if last else "other")}
    page = SellPage(
        brand=chosen,
        how=how,
        shown=visit.site.forms.issue(chosen.code, visit.locale),
        typed=values,
        payee_masked=last.masked if last else None,
        digits_only=digits_only(chosen),
        fault=visit.fault(refusal) if refusal else None,
    )
    return await visit.page("sell.html", page, status=refusal.http_status if refusal else 200)


async def _submit(visit: Visit, chosen: Brand, form: FormData) -> str:
    services, sent = visit.site.services, texts(form)
    shown = visit.site.forms.read(sent.get("shown", ""), chosen.code)
    photos = await uploads(form, "photo")
    account, name = await _payee(visit, sent)
    submission = Submission(
        owner=visit.owner,
        idempotency_key=shown.form_id,
        cards=(card_from(chosen, sent, photos),),
        payee_account=account,
        payee_name=name,
        channel="web",
        locale=visit.locale,
        form_hash=visit.site.forms.digest(sent["shown"], sent, photos),
    )
    receipt = await services.intake.submit(submission)
    await start_cards(services.intake, services.desk, receipt.card_ids)
    return receipt.card_ids[0]


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
    """The card as the form has it. What was photographed is shown to the seller before it goes on."""
    number, pictures = sent.get("number") or None, photos[:PHOTOS_MAX]
    if not number and not pictures:
        raise NothingToRead(card=0)
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
    try:
        amount = Money.from_decimal_text(_amount(written), chosen.currency)
    except ValueError:
        raise FieldInvalid(field="face_value", why="amount") from None
    return chosen.require_face_value(amount)


def _amount(written: str) -> str:
    """`￥１，０００.００ 元` as `1000.00`."""
    return plain(written).lstrip("¥$").removesuffix("元").replace(",", "").strip()


def expiry(written: str) -> date | None:
    """A date as browsers send it; None when left empty."""
    if not written:
        return None
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise FieldInvalid(field="expiry", why="date") from None


def digits_only(chosen: Brand) -> bool:
    """Whether the number keyboard is enough for this brand's numbers."""
    return "A-Z" not in chosen.number


async def _payee(visit: Visit, sent: Mapping[str, str]) -> tuple[str, str]:
    """Alipay account and real name: typed, or those of the last submission."""
    if sent.get("payee") == "same":
        return await _last_payee(visit)
    for field in ("payee_account", "payee_name"):
        if not sent.get(field):
            raise FieldInvalid(field=field, why="missing")
    return sent["payee_account"], sent["payee_name"]


async def _last_payee(visit: Visit) -> tuple[str, str]:
    keyring = visit.site.services.keyring
    async with visit.site.services.database.transaction() as session:
        last = await reads.last_payee(session, visit.owner)
    if last is None:
        raise FieldInvalid(field="payee_account", why="missing")
    place = f"submission:{last.submission_id}"
    account = keyring.open_text(last.account_sealed, purpose="submission", aad=f"{place}:payee_account")
    return account, keyring.open_text(last.name_sealed, purpose="submission", aad=f"{place}:payee_name")
