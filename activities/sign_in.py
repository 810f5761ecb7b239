"""Who is there: sellers prove their telephone with a one-time code, the console's people their password."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import phonenumbers
from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from phonenumbers import NumberParseException, PhoneNumberFormat
from pwdlib import PasswordHash
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database.session import Database
from database.tables.intake import SellerRow, SignInCodeRow
from database.tables.people import PersonRow
from domain.identifiers import new_id
from domain.refusals import PasswordWrong, PhoneInvalid, SignInCodeWrong, TemporarilyUnavailable, TooManyTries
from domain.sealing import KeyRing
from gateways.errors import GatewayRefused, GatewayUnavailable
from gateways.messages import MessageGateway
from languages import translate

CODE_LASTS = timedelta(minutes=10)
CODE_TRIES_MAX = 5
CODES_PER_PHONE = (RateLimitItemPerMinute(1), RateLimitItemPerHour(6))
LOGINS_PER_EMAIL = (RateLimitItemPerMinute(5), RateLimitItemPerHour(30))
LOGINS_AT_ONCE = 2  # argon2 takes 150 ms and 64 MB each: more at once would be a way to stop the console.
TEMPLATE = "sign_in_code"


class Throttle:
    """Counts tries per subject in this process's memory."""

    def __init__(self, *allowed: RateLimitItem) -> None:
        self._allowed = allowed
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def require(self, subject: str) -> None:
        """Counts a try. Refuses TooManyTries with `retry_after_s` when there were too many."""
        for limit in self._allowed:
            if not self._limiter.hit(limit, subject):
                ends = self._limiter.get_window_stats(limit, subject).reset_time
                raise TooManyTries(retry_after_s=max(1, round(ends - datetime.now(UTC).timestamp())))


class SellerSignIn:
    """Signs sellers in by telephone; the message they read is `message.sign_in_code` of the catalogue."""

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
        self._throttle = Throttle(*CODES_PER_PHONE)

    async def send_code(self, phone: str, locale: str = "zh_CN") -> None:
        """Sends a six-digit code. Refuses PhoneInvalid, TooManyTries, TemporarilyUnavailable."""
        number = e164(phone)
        index = self._index(number)
        self._throttle.require(index)
        code = f"{secrets.randbelow(10**6):06d}"
        row = SignInCodeRow(
            id=new_id(), phone_index=index, code_hash=self._hash(index, code), expires_at=self._now() + CODE_LASTS
        )
        async with self._database.transaction() as session:
            session.add(row)
        await self._deliver(row.id, number, code, locale)

    async def check(self, phone: str, code: str, locale: str = "zh_CN") -> str:
        """The seller's id, made at the first sign-in. Refuses SignInCodeWrong (`tries_left`), PhoneInvalid."""
        number = e164(phone)
        index = self._index(number)
        async with self._database.transaction() as session:
            left = await self._tried(session, index, code.strip())
            seller_id = await self._seller(session, number, index, locale) if left is None else None
        if seller_id is None:
            # Raised behind the commit: a try that is rolled back would be a try for nothing.
            raise SignInCodeWrong(tries_left=left)
        return seller_id

    async def _deliver(self, dedupe_key: str, number: str, code: str, locale: str) -> None:
        text = translate(f"message.{TEMPLATE}", locale, code=code)
        try:
            await self._messages.send(f"sign-in-{dedupe_key}", number, text, template=TEMPLATE, locale=locale)
        except GatewayRefused:
            raise PhoneInvalid() from None
        except GatewayUnavailable:
            raise TemporarilyUnavailable() from None

    async def _tried(self, session: AsyncSession, index: str, code: str) -> int | None:
        """None when the code is right, and it is used up; else how many tries its newest code still has."""
        columns: Any = SignInCodeRow
        good = (columns.phone_index == index, columns.used_at.is_(None), columns.expires_at > self._now())
        newest = select(SignInCodeRow).where(*good).order_by(columns.sent_at.desc()).limit(1).with_for_update()
        row = (await session.execute(newest)).scalar_one_or_none()
        if row is None or row.tries >= CODE_TRIES_MAX:
            return 0
        if secrets.compare_digest(row.code_hash, self._hash(index, code)):
            row.used_at = self._now()
            return None
        row.tries += 1
        return CODE_TRIES_MAX - row.tries

    async def _seller(self, session: AsyncSession, number: str, index: str, locale: str) -> str:
        columns: Any = SellerRow
        seller_id = new_id()
        sealed = self._keyring.seal_text(number, purpose="seller", aad=f"seller:{seller_id}:phone")
        row = SellerRow(
            id=seller_id, phone_sealed=sealed, phone_index=index, phone_masked=masked_phone(number), locale=locale
        )
        made = insert(SellerRow).values(row.model_dump()).on_conflict_do_nothing(index_elements=["phone_index"])
        await session.execute(made)
        known = select(columns.id).where(columns.phone_index == index)
        return str((await session.execute(known)).scalar_one())

    def _index(self, number: str) -> str:
        return self._keyring.index(number, purpose="phone")

    def _hash(self, index: str, code: str) -> str:
        return self._keyring.index(f"{index}:{code}", purpose="sign_in_code")


class ConsoleSignIn:
    """Signs the console's people in by e-mail address and password."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._hasher = PasswordHash.recommended()
        self._decoy = self._hasher.hash(secrets.token_hex(16))
        self._throttle = Throttle(*LOGINS_PER_EMAIL)
        self._at_once = asyncio.Semaphore(LOGINS_AT_ONCE)

    async def check(self, email: str, password: str) -> PersonRow:
        """The person. Refuses PasswordWrong, alike for an unknown address, and TooManyTries."""
        address = email.strip().lower()
        self._throttle.require(address)
        columns: Any = PersonRow
        async with self._database.transaction() as session:
            statement = select(PersonRow).where(columns.email == address, columns.active)
            person = (await session.execute(statement)).scalar_one_or_none()
        # An unknown address costs the same time, or its absence could be heard.
        known = person.password_hash if person is not None else self._decoy
        async with self._at_once:
            right, renewed = await asyncio.to_thread(self._hasher.verify_and_update, password, known)
        if person is None or not right:
            raise PasswordWrong()
        if renewed is not None:
            await self._renew(person.id, renewed)
        return person

    def hash(self, password: str) -> str:
        """A password as it is stored; takes 150 ms."""
        return self._hasher.hash(password)

    async def _renew(self, person_id: str, password_hash: str) -> None:
        """Hashes made with weaker settings are replaced at the next sign-in."""
        columns: Any = PersonRow
        statement = update(PersonRow).where(columns.id == person_id).values(password_hash=password_hash)
        async with self._database.transaction() as session:
            await session.execute(statement)


def e164(phone: str) -> str:
    """`+8613800000021`; a number without a country is taken for a Chinese one. Refuses PhoneInvalid."""
    try:
        parsed = phonenumbers.parse(phone, "CN")
    except NumberParseException:
        raise PhoneInvalid() from None
    if not phonenumbers.is_valid_number(parsed):
        raise PhoneInvalid()
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)


def masked_phone(number: str) -> str:
    """`138****0021` of a number in E.164; the country is left out for Chinese ones."""
    local = number.removeprefix("+86")
    return f"{local[:3]}****{local[-4:]}"
