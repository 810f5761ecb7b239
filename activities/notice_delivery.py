"""News leaves the console by people's wishes: one digest per person and channel, tried until it arrives or is given up."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from activities.loop_faults import kind_and_place
from activities.notice_words import Reader, digest_content, digest_text
from activities.notices import Channels, webhook_secret
from database.reads.notice_names import names_of
from database.repositories import notices as stored
from database.repositories.notices import Addressee
from database.session import Database, DatabaseUnavailable
from database.tables.columns import now
from database.tables.notices import NoticeRow
from domain.notices import URGENT, quiet_until
from domain.sealing import KeyRing
from gateways.errors import GatewayRefused, GatewayUnavailable

ATTEMPTS_MAX = 8  # With the waits below: given up after about two hours; the console has the news all the same.
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=1)
ATTEMPT_S = 40.0  # Of each channel; both end within the lease.
LEASE = timedelta(minutes=2)
EVENT = "notices"
# A mailbox or receiver that refuses for good is asked no more; these answers may still change.
PASSING_REFUSALS = frozenset({"http_401", "http_403", "http_404", "http_408", "http_409", "http_410", "http_425"})
_log = structlog.get_logger()


@dataclass(frozen=True)
class Digest:
    """Notices of one person that leave together; tried again they are the same notices, so their delivery id is the same."""

    to: Addressee
    rows: tuple[NoticeRow, ...]
    reader: Reader

    @property
    def mail(self) -> tuple[NoticeRow, ...]:
        """What has not left by mail."""
        return tuple(row for row in self.rows if row.mailed_at is None)

    @property
    def hook(self) -> tuple[NoticeRow, ...]:
        """What has not left by webhook."""
        return tuple(row for row in self.rows if row.hooked_at is None)


@dataclass(frozen=True)
class _Tried:
    """One try: how long to `wait` before the next, None when it left, was not wanted or will never be taken; and what failed."""

    wait: timedelta | None
    failure: str = ""


class NoticeDelivery:
    """Delivers what is due. At least once: who dies between sending and recording sends the same digest again, under the same id."""

    def __init__(self, database: Database, keyring: KeyRing, channels: Channels) -> None:
        self._database = database
        self._keyring = keyring
        self._channels = channels

    async def deliver_due(self, limit: int = 10) -> int:
        """Delivers the digests of up to `limit` people, all at once; returns how many digests were tried.

        A failure is kept and tried again later, not raised. Raises DatabaseUnavailable.
        """
        async with self._database.transaction() as session:
            digests = await self._chosen(session, limit)
        outcomes = await asyncio.gather(*map(self._deliver, digests), return_exceptions=True)
        for broken in outcomes:
            if broken is not None:
                raise broken  # After the others have ended: none goes on behind its caller's back.
        return len(digests)

    async def _chosen(self, session: AsyncSession, limit: int) -> list[Digest]:
        """The digests to be tried now, each counted as one more attempt; what is read or sleeps is settled or moved."""
        rows = await stored.due(session, limit)
        names = await names_of(session, rows)
        people = await stored.addressees(session, [row.person_id for row in rows])
        digests, moment = [], now()
        for batch in _batches(rows):
            to = people[batch[0].person_id]
            ready, read, later = sorted_out(batch, to, moment)
            await stored.set_all(session, _ids(read), mailed_at=moment, hooked_at=moment)
            await stored.set_all(session, _ids(later), due_at=quiet_until(moment, to.wishes) or moment)
            await stored.tried_once_more(session, _ids(ready), moment + LEASE)
            digests += [Digest(to, ready, Reader(to.locale, to.wishes.zone, names))] if ready else []
        return digests

    async def _deliver(self, digest: Digest) -> None:
        mailed, hooked = await asyncio.gather(
            self._tried("mail", digest, self._mail(digest)), self._tried("webhook", digest, self._hook(digest))
        )
        attempts = digest.rows[0].attempts + 1
        over = attempts >= ATTEMPTS_MAX
        async with self._database.transaction() as session:
            if mailed.wait is None or over:
                await stored.set_all(session, _ids(digest.mail), mailed_at=now(), mail_lost=mailed.failure)
            if hooked.wait is None or over:
                await stored.set_all(session, _ids(digest.hook), hooked_at=now(), hook_lost=hooked.failure)
            waits = [tried.wait for tried in (mailed, hooked) if tried.wait is not None]
            if waits and not over:
                await stored.set_all(session, _ids(digest.rows), due_at=now() + max(waits))
        if waits and over:
            _log.warning("notices_given_up", person=digest.to.person_id, notices=len(digest.rows))

    async def _tried(self, channel: str, digest: Digest, sending: Awaitable[None]) -> _Tried:
        """What became of one try by one channel."""
        try:
            async with asyncio.timeout(ATTEMPT_S):
                await sending
        except GatewayUnavailable as error:
            return self._failed(channel, digest, error.reason, error.retry_after_ms)
        except GatewayRefused as error:
            tried = self._failed(channel, digest, error.reason, None)
            return tried if error.reason in PASSING_REFUSALS else _Tried(None, tried.failure)
        except TimeoutError:
            return self._failed(channel, digest, "timeout", None)
        except DatabaseUnavailable:
            raise
        except Exception as error:  # noqa: BLE001  # Kept as this digest's failure; the others are delivered.
            return self._failed(channel, digest, kind_and_place(error), None)
        return _Tried(None)

    def _failed(self, channel: str, digest: Digest, reason: str, retry_after_ms: int | None) -> _Tried:
        _log.warning("notices_not_delivered", channel=channel, person=digest.to.person_id, reason=reason)
        wait: timedelta = min(LONGEST_WAIT, FIRST_WAIT * 2 ** digest.rows[0].attempts)
        return _Tried(max(wait, timedelta(milliseconds=retry_after_ms or 0)), reason)

    async def _mail(self, digest: Digest) -> None:
        """Where no mail server is set any more, or the person wants none any more, nothing leaves and nothing waits."""
        to, rows = digest.to, digest.mail
        if not rows or not to.wishes.mail or self._channels.mail is None:
            return
        said = digest_text(rows, digest.reader, self._channels.console_url)
        await self._channels.mail.send(to.email, said.subject, said.text, delivery_id("mail", rows))

    async def _hook(self, digest: Digest) -> None:
        to, rows = digest.to, digest.hook
        url = to.wishes.webhook_url
        if not rows or not url:
            return
        key = delivery_id("webhook", rows)
        content = digest_content(key, rows, digest.reader, self._channels.console_url)
        secret = webhook_secret(self._keyring, to.person_id, url)
        await self._channels.webhooks.deliver(url, key, EVENT, content, secret)


def delivery_id(channel: str, rows: Sequence[NoticeRow]) -> str:
    """The same for the same notices by the same channel, 32 hex characters."""
    return hashlib.sha256("\n".join((channel, *sorted(_ids(rows)))).encode()).hexdigest()[:32]


def sorted_out(
    batch: Sequence[NoticeRow], to: Addressee, moment: datetime
) -> tuple[tuple[NoticeRow, ...], tuple[NoticeRow, ...], tuple[NoticeRow, ...]]:
    """What leaves now, what need not leave since it was read in the console, and what waits for the end of quiet hours.

    A batch that was tried before stays whole: another set of notices would be another mail.
    """
    quiet = quiet_until(moment, to.wishes) is not None
    if batch[0].attempts:
        whole = tuple(batch)
        return ((), (), whole) if quiet and not any(row.kind in URGENT for row in whole) else (whole, (), ())
    read = tuple(row for row in batch if row.read_at is not None)
    later = tuple(row for row in batch if row.read_at is None and quiet and row.kind not in URGENT)
    gone = {row.id for row in (*read, *later)}
    return tuple(row for row in batch if row.id not in gone), read, later


def _batches(rows: Iterable[NoticeRow]) -> list[tuple[NoticeRow, ...]]:
    """By person; what was tried together has the same moment of its next try, what was never tried leaves together."""
    ordered = sorted(rows, key=lambda row: (row.person_id, row.attempts > 0, row.due_at if row.attempts else row.at, row.id))  # fmt: skip
    grouped = groupby(ordered, key=lambda row: (row.person_id, row.due_at if row.attempts else None))
    return [tuple(group) for _, group in grouped]


def _ids(rows: Iterable[NoticeRow]) -> list[str]:
    return [row.id for row in rows]
