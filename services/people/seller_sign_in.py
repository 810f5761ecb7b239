"""Who sells: sellers prove their telephone with a one-time code."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.once import insert_once
from database.sealed import SELLER_PHONE
from database.session import Database
from database.tables.people import SellerRow, SignInCodeRow
from domain.errors.general import TemporarilyUnavailable
from domain.errors.people import PhoneInvalid, SignInCodeWrong
from domain.identifiers import new_id
from domain.sealing import KeyRing
from domain.typed import plain
from gateways.errors import GatewayRefused, GatewayUnavailable
from gateways.messages import MessageGateway
from languages import translate
from services.people.rate_limit import Origin, Throttle

CODE_LASTS = timedelta(minutes=10)
CODE_TRIES_MAX = 5
CODES_PER_ORIGIN = "1/minute;6/hour"  # To one phone for one client or known device.
CODES_FOR_STRANGERS = "12/hour"  # To one phone for all devices that never signed in with it.
TEMPLATE = "sign_in_code"
WRITTEN = re.compile(r"[0-9+()\-. /]+")  # A letter would be read as the digit of its key, which is another number.
# Some countries do not tell mobiles from landlines by the number.
MOBILE = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})


class SellerSignIn:
    """Sign sellers in by phone; the message they read is `message.sign_in_code` of the catalogue."""

    def __init__(
        self,
        database: Database,
        keyring: KeyRing,
        messages: MessageGateway,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._messages = messages
        self._now = now
        self._per_origin = Throttle(database, CODES_PER_ORIGIN)
        self._strangers = Throttle(database, CODES_FOR_STRANGERS)

    async def send_code(self, phone: str, origin: Origin, locale: str = "zh_CN") -> str:
        """Send a six-digit code and return its id, which the requesting browser keeps: no other browser can try the code.

        Refuses PhoneInvalid, TooManyTries, TemporarilyUnavailable.
        """
        number = e164(phone)
        index = self._index(number)
        await self._per_origin.hit("code", index, origin.name)
        if not origin.device:
            await self._strangers.hit("code", index)
        code = f"{secrets.randbelow(10**6):06d}"
        row = SignInCodeRow(
            id=new_id(), phone_index=index, code_hash=self._hash(index, code), expires_at=self._now() + CODE_LASTS
        )
        async with self._database.transaction() as session:
            session.add(row)
        await self._deliver(row.id, number, code, locale)
        return row.id

    async def check(self, phone: str, asked: Sequence[str], code: str, locale: str = "zh_CN") -> str:
        """Return the seller's id, made at the first sign-in. Refuses SignInCodeWrong (`tries_left`), PhoneInvalid.

        `asked` are the ids of the codes that this browser asked for; each that has not expired is right.
        """
        number = e164(phone)
        index = self._index(number)
        async with self._database.transaction() as session:
            left = await self._tried(session, index, asked, code.strip())
            seller_id = await self._seller(session, number, index, locale) if left is None else None
        if seller_id is None:
            # Raised behind the commit: a try that is rolled back would be a try for nothing.
            raise SignInCodeWrong(tries_left=left)
        return seller_id

    async def _deliver(self, dedupe_key: str, number: str, code: str, locale: str) -> None:
        text = translate(f"message.{TEMPLATE}", locale, {"code": code})
        try:
            await self._messages.send(f"sign-in-{dedupe_key}", number, text, template=TEMPLATE, locale=locale)
        except GatewayRefused:
            raise PhoneInvalid() from None
        except GatewayUnavailable:
            raise TemporarilyUnavailable() from None

    async def _tried(self, session: AsyncSession, index: str, asked: Sequence[str], code: str) -> int | None:
        """None when the code is right, and it is used up; else how many tries are left.

        A code that another browser asked for is neither tried nor used up, nor does it replace one of these.
        """
        good = (
            SignInCodeRow.phone_index == index,
            SignInCodeRow.used_at.is_(None),
            SignInCodeRow.expires_at > self._now(),
        )
        live = select(SignInCodeRow).where(*good, SignInCodeRow.id.in_(asked), SignInCodeRow.tries < CODE_TRIES_MAX)
        rows = (await session.execute(live.order_by(SignInCodeRow.id).with_for_update())).scalars().all()
        for row in rows:
            if secrets.compare_digest(row.code_hash, self._hash(index, code)):
                row.used_at = self._now()
                return None
        for row in rows:
            row.tries += 1
        return max((CODE_TRIES_MAX - row.tries for row in rows), default=0)

    async def _seller(self, session: AsyncSession, number: str, index: str, locale: str) -> str:
        seller_id = new_id()
        sealed = SELLER_PHONE.seal(self._keyring, seller_id, number)
        row = SellerRow(
            id=seller_id, phone_sealed=sealed, phone_index=index, phone_masked=masked_phone(number), locale=locale
        )
        await insert_once(session, row, "phone_index")
        known = select(SellerRow.id).where(SellerRow.phone_index == index)
        return str((await session.execute(known)).scalar_one())

    def _index(self, number: str) -> str:
        return phone_index(self._keyring, number)

    def _hash(self, index: str, code: str) -> str:
        return self._keyring.index(f"{index}:{code}", purpose="sign_in_code")


def e164(phone: str) -> str:
    """`+8613800000021`; a number without a country is taken for a Chinese one. Refuses PhoneInvalid."""
    if not WRITTEN.fullmatch(plain(phone)):
        raise PhoneInvalid()
    try:
        parsed = phonenumbers.parse(plain(phone), "CN")
    except NumberParseException:
        raise PhoneInvalid() from None
    if parsed.extension or not phonenumbers.is_valid_number(parsed) or phonenumbers.number_type(parsed) not in MOBILE:
        raise PhoneInvalid()
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)


def phone_index(keyring: KeyRing, number: str) -> str:
    """Return the keyed hash by which the seller of an E.164 number is found."""
    return keyring.index(number, purpose="phone")


def masked_phone(number: str) -> str:
    """`138****0021`; a Chinese number's country is left out, and of what is too short to be a number nothing is shown."""
    local = number.removeprefix("+86")
    return f"{local[:3]}****{local[-4:]}" if len(local) > 8 else "****"
