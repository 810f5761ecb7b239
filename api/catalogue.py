"""What a partner's program looks up: the brands that are bought, and every refusal it may meet."""

from __future__ import annotations

from fastapi import APIRouter, Request

from api.models import Amount, BrandOut, ErrorOut
from database.tables.columns import now
from domain.errors.base import REGISTER
from domain.money import Money
from domain.rules.brands import Brand, catalogue
from languages import translate
from web.locale import locale_of

router = APIRouter(prefix="/v1", tags=["catalogue"])


@router.get("/brands")
async def brands() -> list[BrandOut]:
    """Every brand that is bought today; `not_bought_from` announces the end of one."""
    moment = now()
    return [_brand(entry) for entry in catalogue().values() if entry.is_bought(moment)]


@router.get("/errors")
async def errors(request: Request) -> list[ErrorOut]:
    """Every documented code, with its status and its sentence in the caller's language."""
    locale = locale_of(request)
    return [
        ErrorOut(
            code=code,
            http_status=kind.http_status,
            meaning=" ".join((kind.__doc__ or "").split()),
            message=translate(f"error.{code}", locale),
        )
        for code, kind in sorted(REGISTER.items())
    ]


def _brand(entry: Brand) -> BrandOut:
    least, most = (Amount.of(Money(minor, entry.currency)) for minor in entry.face_minor)
    return BrandOut(
        code=entry.code,
        names=dict(entry.names),
        card_type=entry.card_type.value,
        currency=entry.currency,
        number=entry.number,
        pin=entry.pin,
        face_value_least=least,
        face_value_most=most,
        not_bought_from=entry.not_bought_from,
        not_bought_reason=dict(entry.not_bought_reason) if entry.not_bought_from else None,
    )
