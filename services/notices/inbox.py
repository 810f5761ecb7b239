"""A person's notifications in the console, and their settings for those outside of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import func, select, update

from database.reads.notices.names import Names, names_of
from database.repositories.notices import preferences_of
from database.session import Database
from database.tables.columns import now
from database.tables.notices import NoticePreferencesRow, NoticeRow
from database.tables.people import PersonRow
from domain.errors.general import FieldInvalid, NotFound
from domain.identifiers import new_id
from domain.notices.kinds import NoticePreferences
from domain.sealing import KeyRing
from gateways.errors import GatewayError
from gateways.mail import MailGateway
from gateways.webhooks import WebhookGateway
from services.notices.digest_text import trial_digest

PAGE = 50
DIGESTS = (0, 5, 15, 30, 60, 240)  # Minutes that news may be collected for.
URL_MAX = 500


@dataclass(frozen=True)
class PreferencesForm:
    """What a person asks for, as typed: empty texts for what they do not want; quiet hours are both given or neither."""

    mail: bool
    webhook_url: str
    digest_minutes: int
    quiet_from: time | None
    quiet_until: time | None


@dataclass(frozen=True)
class Channels:
    """What this installation can deliver by; without a mail server the first is None."""

    mail: MailGateway | None
    webhooks: WebhookGateway
    console_url: str
    insecure_urls: bool = False  # Also http:, where webhooks are tried out.


class Notices:
    """Lists and reads notices; keeps preferences and tries them out."""

    def __init__(self, database: Database, keyring: KeyRing, channels: Channels) -> None:
        self._database = database
        self._keyring = keyring
        self.channels = channels

    async def page(self, person_id: str, before: str = "") -> tuple[tuple[NoticeRow, ...], Names]:
        """Up to `PAGE` notices of a person, newest first, those before the notice `before` when one is named; and what their facts are called."""
        statement = select(NoticeRow).where(NoticeRow.person_id == person_id).order_by(NoticeRow.id.desc()).limit(PAGE)
        if before:
            statement = statement.where(NoticeRow.id < before)
        async with self._database.transaction() as session:
            rows = tuple((await session.execute(statement)).scalars())
            return rows, await names_of(session, rows)

    async def newest_unread(self, person_id: str, most: int) -> tuple[tuple[NoticeRow, ...], Names]:
        """Return the newest `most` that they have not read, and what their facts are called."""
        theirs = (NoticeRow.person_id == person_id, NoticeRow.read_at.is_(None))
        statement = select(NoticeRow).where(*theirs).order_by(NoticeRow.id.desc()).limit(most)
        async with self._database.transaction() as session:
            rows = tuple((await session.execute(statement)).scalars())
            return rows, await names_of(session, rows)

    async def unread(self, person_id: str) -> int:
        """How many they have not read."""
        statement = select(func.count()).where(NoticeRow.person_id == person_id, NoticeRow.read_at.is_(None))
        async with self._database.transaction() as session:
            return int(await session.scalar(statement) or 0)

    async def read(self, person_id: str, notice_id: str) -> NoticeRow:
        """Mark one of the person's notifications read and return it. Raises NotFound for any other id."""
        async with self._database.transaction() as session:
            row = await session.get(NoticeRow, notice_id)
            if row is None or row.person_id != person_id:
                raise NotFound
            row.read_at = row.read_at or now()
        return row

    async def read_all(self, person_id: str, up_to: str) -> None:
        """Marks all read that are not newer than the notice `up_to`: what came after the page was made stays unread."""
        theirs = (NoticeRow.person_id == person_id, NoticeRow.read_at.is_(None), NoticeRow.id <= up_to)
        async with self._database.transaction() as session:
            await session.execute(update(NoticeRow).where(*theirs).values(read_at=now()))

    async def preferences(self, person_id: str) -> NoticePreferences:
        """Return what they asked for; the zone is their own."""
        async with self._database.transaction() as session:
            person = await session.get_one(PersonRow, person_id)
            return preferences_of(person, await session.get(NoticePreferencesRow, person_id))

    async def set_preferences(self, person_id: str, form: PreferencesForm) -> None:
        """Keeps their preferences for news from now on. Raises FieldInvalid (webhook_url, digest_minutes, quiet_hours, mail)."""
        self._require_fit(form)
        row = NoticePreferencesRow(
            person_id=person_id, mail=form.mail, webhook_url=form.webhook_url or None, digest_minutes=form.digest_minutes,
            quiet_from=form.quiet_from, quiet_until=form.quiet_until,
        )  # fmt: skip
        async with self._database.transaction() as session:
            await session.merge(row)

    def webhook_secret(self, person_id: str, url: str) -> str:
        """Return the secret of one person's webhook at one address, derived from the key ring and stored nowhere; another address has another secret."""
        return webhook_secret(self._keyring, person_id, url)

    async def try_out(self, person_id: str) -> dict[str, str]:
        """Sends a test message by every channel they chose; by channel `mail` and `webhook`: empty when it left, else why not."""
        async with self._database.transaction() as session:
            person = await session.get_one(PersonRow, person_id)
            preferences = preferences_of(person, await session.get(NoticePreferencesRow, person_id))
        digest, outcome = trial_digest(person.locale, self.channels.console_url), dict[str, str]()
        if preferences.mail and self.channels.mail is not None:
            sending = self.channels.mail.send(person.email, digest.subject, digest.text, new_id())
            outcome["mail"] = await _reason(sending)
        if preferences.webhook_url:
            secret = self.webhook_secret(person_id, preferences.webhook_url)
            content = {"id": "test", "test": True, "notices": []}
            sending = self.channels.webhooks.deliver(preferences.webhook_url, new_id(), "notices.test", content, secret)
            outcome["webhook"] = await _reason(sending)
        return outcome

    def _require_fit(self, form: PreferencesForm) -> None:
        if form.mail and self.channels.mail is None:
            raise FieldInvalid(field="mail", why="no mail server is set")
        if form.webhook_url and not _is_address(form.webhook_url, self.channels.insecure_urls):
            raise FieldInvalid(field="webhook_url", why="an https address without user name")
        if form.digest_minutes not in DIGESTS:
            raise FieldInvalid(field="digest_minutes", why=f"one of {DIGESTS}")
        both = (form.quiet_from is None) == (form.quiet_until is None)
        if not both or (form.quiet_from is not None and form.quiet_from == form.quiet_until):
            raise FieldInvalid(field="quiet_hours", why="both or none, and not the same")


def webhook_secret(keyring: KeyRing, person_id: str, url: str) -> str:
    """Return the secret of one person's webhook at one address, derived from the key ring and stored nowhere; another address has another secret."""
    return keyring.index(f"{person_id}\n{url}", purpose="notice_webhook")


def _is_address(url: str, insecure_too: bool) -> bool:
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        return False
    return named and parts.scheme in ({"https", "http"} if insecure_too else {"https"}) and len(url) <= URL_MAX


async def _reason(sending: Any) -> str:
    try:
        await sending
    except GatewayError as error:
        return error.reason
    return ""
