"""News leaves the console by people's preferences: one digest per person and channel, tried until it arrives or is given up."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.notices.names import names_of
from database.repositories import notices as stored
from database.repositories import set_aside
from database.repositories.loop_faults import apart
from database.repositories.notices import Addressee
from database.session import Database, DatabaseUnavailable
from database.tables.columns import now
from database.tables.notices import NoticeRow
from domain.backoff import wait_before
from domain.errors.faults import kind_and_place
from domain.notices.kinds import URGENT, quiet_until
from domain.sealing import KeyRing
from gateways.errors import GatewayRefused, GatewayUnavailable
from services.notices.bulkhead import Bulkhead
from services.notices.digest_text import Reader, digest_content, digest_text
from services.notices.inbox import Channels, webhook_secret

ATTEMPTS_MAX = 8  # With the waits below: given up after about two hours; the console has the news all the same.
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=1)
ATTEMPT_S = 40.0  # Of each channel; both end within the lease.
LEASE = timedelta(minutes=2)
EVENT = "notices"
LOOP = "notices"  # Under which a person whose notices cannot be put together is set aside.
AT_ONCE = 20  # Digests that are on their way beside each other, one of each person.
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
    """One try: how long to `wait` before the next, None when it left, was not wanted or will never be taken; and what failed.

    `spared` was not tried, because the receiver asked for more time.
    """

    wait: timedelta | None
    failure: str = ""
    spared: bool = False

    def is_over(self, tries_over: bool) -> bool:
        """Return whether this channel is no longer tried."""
        return self.wait is None or (tries_over and not self.spared)


class NoticeDelivery:
    """Delivers what is due. At least once: who dies between sending and recording sends the same digest again, under the same id."""

    def __init__(self, database: Database, keyring: KeyRing, channels: Channels) -> None:
        self._database = database
        self._keyring = keyring
        self._channels = channels
        self._bulkhead = Bulkhead(AT_ONCE)

    async def deliver_due(self, limit: int = AT_ONCE, patience_s: float | None = None) -> int:
        """Start the digests of up to `limit` people who have none on its way; return how many digests were started.

        Returns when the first of all running digests has ended, after `patience_s` seconds at most; with None when all have.
        A failure is kept and tried again later, not raised; a person whose notices cannot be put together is set aside.
        Raises DatabaseUnavailable.
        """
        async with self._database.transaction() as session:
            most = min(limit, self._bulkhead.free)
            people = await stored.waiting_people(session, most, self._bulkhead.busy, LOOP)
        started = 0
        for person in people:
            async with apart(self._database, LOOP, person):
                for digest in await self._chosen(person):
                    self._bulkhead.start(person, self._deliver(digest))
                    started += 1
        await self._bulkhead.settle(patience_s)
        return started

    async def _chosen(self, person: str) -> list[Digest]:
        """One person's digests in a transaction of their own, so that what fails is theirs alone."""
        async with self._database.transaction() as session:
            digests = await self._digests(session, person)
            await set_aside.done(session, LOOP, person)
        return digests

    async def _digests(self, session: AsyncSession, person: str) -> list[Digest]:
        """The digests to be tried now, each counted as one more attempt; what is read or sleeps is settled or moved."""
        rows = await stored.due(session, person)
        names = await names_of(session, rows)
        people = await stored.addressees(session, [row.person_id for row in rows])
        digests, moment = [], now()
        for batch in _batches(rows):
            to = people[batch[0].person_id]
            ready, read, later = sorted_out(batch, to, moment)
            await stored.set_all(session, _ids(read), mailed_at=moment, hooked_at=moment)
            await stored.set_all(session, _ids(later), due_at=quiet_until(moment, to.preferences) or moment)
            await stored.tried_once_more(session, _ids(ready), moment + LEASE)
            digests += [Digest(to, ready, Reader(to.locale, to.preferences.zone, names))] if ready else []
        return digests

    async def _deliver(self, digest: Digest) -> None:
        spared = _spared(digest.hook)
        mailed, hooked = await asyncio.gather(
            self._tried("mail", digest, self._mail),
            self._tried("webhook", digest, self._hook) if spared is None else asyncio.sleep(0, spared),
        )
        attempts = digest.rows[0].attempts + 1
        over = attempts >= ATTEMPTS_MAX
        async with self._database.transaction() as session:
            if mailed.is_over(over):
                await stored.set_all(session, _ids(digest.mail), mailed_at=now(), mail_lost=mailed.failure)
            if hooked.is_over(over):
                await stored.set_all(session, _ids(digest.hook), hooked_at=now(), hook_lost=hooked.failure)
            elif hooked.wait is not None:
                await stored.set_all(session, _ids(digest.hook), hook_due_at=now() + hooked.wait)
            going_on = [one.wait for one in (mailed, hooked) if one.wait is not None and not one.is_over(over)]
            if going_on:
                await stored.set_all(session, _ids(digest.rows), due_at=now() + min(going_on))
        if over and any(one.failure for one in (mailed, hooked)):
            _log.warning("notices_given_up", person=digest.to.person_id, notices=len(digest.rows))

    async def _tried(self, channel: str, digest: Digest, send: Callable[[Digest], Awaitable[None]]) -> _Tried:
        """What became of one try by one channel."""
        try:
            async with asyncio.timeout(ATTEMPT_S):
                await send(digest)
        except GatewayUnavailable as error:
            return self._failed(channel, digest, error.reason, error.retry_after_ms)
        except GatewayRefused as error:
            return _Tried(None, self._failed(channel, digest, error.reason, None).failure)
        except TimeoutError:
            return self._failed(channel, digest, "timeout", None)
        except DatabaseUnavailable:
            raise
        except Exception as error:  # noqa: BLE001  # Kept as this digest's failure; the others are delivered.
            return self._failed(channel, digest, kind_and_place(error), None)
        return _Tried(None)

    def _failed(self, channel: str, digest: Digest, reason: str, retry_after_ms: int | None) -> _Tried:
        _log.warning("notices_not_delivered", channel=channel, person=digest.to.person_id, reason=reason)
        wait = wait_before(FIRST_WAIT, LONGEST_WAIT, digest.rows[0].attempts + 1)
        return _Tried(max(wait, timedelta(milliseconds=retry_after_ms or 0)), reason)

    async def _mail(self, digest: Digest) -> None:
        """Where no mail server is set any more, or the person wants none any more, nothing leaves and nothing waits."""
        to, rows = digest.to, digest.mail
        if not rows or not to.preferences.mail or self._channels.mail is None:
            return
        said = digest_text(rows, digest.reader, self._channels.console_url)
        await self._channels.mail.send(to.email, said.subject, said.text, delivery_id("mail", rows))

    async def _hook(self, digest: Digest) -> None:
        to, rows = digest.to, digest.hook
        url = to.preferences.webhook_url
        if not rows or not url:
            return
        key = delivery_id("webhook", rows)
        content = digest_content(key, rows, digest.reader, self._channels.console_url)
        secret = webhook_secret(self._keyring, to.person_id, url)
        await self._channels.webhooks.deliver(url, key, EVENT, content, secret)


def _spared(rows: Sequence[NoticeRow]) -> _Tried | None:
    """How long the receiver of these notices asked not to be tried; None when it may be tried now."""
    until = max((row.hook_due_at for row in rows if row.hook_due_at is not None), default=None)
    left = None if until is None else until - now()
    return None if left is None or left <= timedelta(0) else _Tried(left, spared=True)


def delivery_id(channel: str, rows: Sequence[NoticeRow]) -> str:
    """Return an id, the same for the same notices by the same channel, 32 hex characters."""
    return hashlib.sha256("\n".join((channel, *sorted(_ids(rows)))).encode()).hexdigest()[:32]


def sorted_out(
    batch: Sequence[NoticeRow], to: Addressee, moment: datetime
) -> tuple[tuple[NoticeRow, ...], tuple[NoticeRow, ...], tuple[NoticeRow, ...]]:
    """Split the batch: what leaves now, what need not leave since it was read in the console, and what waits for the end of quiet hours.

    A batch that was tried before stays whole: another set of notices would be another mail.
    """
    quiet = quiet_until(moment, to.preferences) is not None
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
