"""What was promised to the outside is delivered: webhooks to partners and messages to sellers, tried until they arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import outbox
from database.sealed import PARTNER_WEBHOOK, phone_of
from database.session import Database, DatabaseUnavailable
from database.tables.cards import CardRow
from database.tables.columns import now
from database.tables.people import PartnerRow, SellerRow
from database.tables.platform import OutboxRow
from domain.backoff import wait_before
from domain.errors.faults import kind_and_place
from domain.places import business_day
from domain.rules.alerts import alerts_in_force
from domain.rules.brands import brand
from domain.sealing import KeyRing, SealBroken
from gateways.errors import GatewayRefused, GatewayUnavailable
from gateways.messages import MessageGateway
from gateways.webhooks import WebhookGateway
from languages import has, translate
from services.notices.bulkhead import Bulkhead

ATTEMPTS_MAX = 12  # With the waits below: given up after about three days.
FIRST_WAIT = timedelta(seconds=10)
ATTEMPT_S = (
    30.0  # Of the lease of a minute: no row is due again while it is still being tried. A webhook takes ten at most.
)
LONGEST_WAIT = timedelta(hours=12)
ALERTS = "alerts"  # The destination of operations' alerts: the address that the policy `alerts` names.
AT_ONCE = 40  # Deliveries that run beside each other in one process; PER_LANE bounds those of one receiver.
# The message provider's answers that may still change; which of a webhook's may is settled by `gateways.webhooks`.
PASSING_REFUSALS = frozenset({"http_401", "http_403", "http_404", "http_408", "http_409", "http_410", "http_425"})


Allowance = Callable[[AsyncSession], Awaitable[int | None]]  # How many messages may go now; None: no limit.


@dataclass(frozen=True)
class _Addressee:
    """Where a row goes: a partner's URL and secret, or a seller's telephone and language."""

    address: str
    secret_or_locale: str


MailDelivery = Callable[[OutboxRow], Awaitable[None]]  # Raises as gateways do.


class NoAddress(Exception):
    """Whom the row is for has no address any more."""


class Delivery:
    """Delivers what is due; a seller's message has its words in the catalogue under `message.<topic>`.

    With a `destination` it delivers only what goes there. `messages` may be None where that is no seller.
    `pages_url` is where the seller pages are, for messages that lead to one.
    """

    def __init__(
        self,
        database: Database,
        keyring: KeyRing,
        webhooks: WebhookGateway,
        messages: MessageGateway | None,
        allowance: Allowance | None = None,
        destination: str | None = None,
        mail: MailDelivery | None = None,
        pages_url: str = "",
    ) -> None:
        self._pages_url = pages_url
        self._database = database
        self._keyring = keyring
        self._webhooks = webhooks
        self._messages = messages
        self._allowance = allowance
        self._destination = destination
        self._mail = mail
        self._bulkhead = Bulkhead(AT_ONCE)

    async def deliver_due(self, limit: int = AT_ONCE, patience_s: float | None = None) -> int:
        """Start up to `limit` tries of rows that are due, and return how many; their failures are kept, not raised.

        Returns when the first of all running tries has ended, after `patience_s` seconds at most; with None when all have.
        Each receiver has so many tries at once (`outbox.PER_LANE`), so that a slow one holds up itself only.
        Raises DatabaseUnavailable.
        """
        async with self._database.transaction() as session:
            busy, most = await self._busy(session), min(limit, self._bulkhead.free)
            rows = await outbox.due(session, most, busy, destination=self._destination)
        for row in rows:
            self._bulkhead.start(outbox.lane_of(row), self._deliver(row))
        await self._bulkhead.settle(patience_s)
        return len(rows)

    async def _busy(self, session: AsyncSession) -> Mapping[str, int]:
        """The tries that run by receiver; while messages are limited, as many more as leave room for those that may go."""
        left = None if self._allowance is None else await self._allowance(session)
        if left is None:
            return self._bulkhead.busy
        held = outbox.PER_LANE[outbox.MESSAGES] - left
        return {**self._bulkhead.busy, outbox.MESSAGES: max(held, self._bulkhead.busy.get(outbox.MESSAGES, 0))}

    async def _deliver(self, row: OutboxRow) -> None:
        async with self._database.transaction() as session:
            if await _overtaken(session, row):
                await outbox.withdraw(session, row.id)
                return
        failure, again_at = await self._tried(row)
        async with self._database.transaction() as session:
            if failure is None:
                await outbox.delivered(session, row.id)
            else:
                await outbox.failed(session, row.id, failure, again_at)

    async def _tried(self, row: OutboxRow) -> tuple[str | None, datetime | None]:
        """What went wrong, None when nothing, and when to try again."""
        try:
            async with asyncio.timeout(ATTEMPT_S):
                await self._carry(row)
        except GatewayUnavailable as error:
            return str(error), _next_try(row.attempts, error.retry_after_ms)
        except GatewayRefused as error:
            return str(error), _next_try(row.attempts) if error.code in PASSING_REFUSALS else None
        except TimeoutError:
            return "timeout", _next_try(row.attempts)
        except SealBroken:
            return "seal broken", _next_try(row.attempts)  # The key ring can still be corrected.
        except NoAddress:
            return "no address", None
        except DatabaseUnavailable:
            raise
        except Exception as error:  # noqa: BLE001  # Kept as this row's failure; the other rows are delivered.
            return kind_and_place(error), _next_try(row.attempts)
        return None, None

    async def _carry(self, row: OutboxRow) -> None:
        if row.kind != outbox.MAIL:
            await self._send(row, await self._addressee(row))
        elif self._mail is None:
            raise GatewayUnavailable(outbox.MAIL, "not_configured")
        else:
            await self._mail(row)

    async def _addressee(self, row: OutboxRow) -> _Addressee:
        kind, _, owner_id = row.destination.partition(":")
        if kind == ALERTS and (url := alerts_in_force(business_day(now())).webhook_url):
            return _Addressee(url, alert_webhook_secret(self._keyring, url))
        async with self._database.transaction() as session:
            partner = await session.get(PartnerRow, owner_id) if kind == "partner" else None
            seller = await session.get(SellerRow, owner_id) if kind == "seller" else None
        if partner is not None and partner.webhook_url:
            return _Addressee(
                partner.webhook_url,
                PARTNER_WEBHOOK.open(self._keyring, partner.id, partner.webhook_secret_sealed) or "",
            )
        if seller is not None and seller.erased_at is None:
            phone = phone_of(self._keyring, seller)
            return _Addressee(phone, seller.locale)
        raise NoAddress

    async def _send(self, row: OutboxRow, to: _Addressee) -> None:
        if row.kind == "webhook":
            await self._webhooks.deliver(to.address, row.id, row.topic, row.payload, to.secret_or_locale)
            return
        if self._messages is None:
            raise NoAddress
        text = message_text(row.topic, row.payload, to.secret_or_locale, self._pages_url)
        await self._messages.send(row.id, to.address, text, template=row.topic, locale=to.secret_or_locale)


def alert_webhook_secret(keyring: KeyRing, url: str) -> str:
    """Return what signs alerts to this address: made of the key ring, so that it is stored nowhere."""
    return keyring.index(url, purpose="alert_webhook")


async def _overtaken(session: AsyncSession, row: OutboxRow) -> bool:
    """Whether a message asks for something that its card no longer waits for, as a reminder of an answered quote does."""
    waits_for = row.payload.get("waits_for")
    if row.kind != outbox.MESSAGES or not waits_for:
        return False
    card = await session.get(CardRow, row.payload["card_id"])
    if card is None or card.outcome is not None or card.waiting_for != waits_for:
        return True
    until = str(row.payload.get("until") or "")
    return until != "" and card.until != datetime.fromisoformat(until)


def message_text(topic: str, payload: Mapping[str, Any], locale: str, pages_url: str) -> str:
    """Return a message's words: `message.<topic>`, or those of the state that it speaks of, `message.<topic>.<state>`.

    A brand is named in the reader's language; a ticket is linked to, by an address that opens only after signing in.
    """
    values = dict(payload)
    if (code := payload.get("brand")) is not None:
        values["brand"] = brand(code).names[locale]
    if (ticket_id := payload.get("ticket_id")) is not None:
        values["link"] = f"{pages_url}/tickets/{ticket_id}"
    if (page := payload.get("page")) is not None:
        values["link"] = f"{pages_url}{page}"
    own = f"message.{topic}.{payload.get('state', '')}"
    return translate(own if has(own, locale) else f"message.{topic}", locale, values)


def _next_try(attempts: int, retry_after_ms: int | None = None) -> datetime | None:
    """Ten seconds, doubled with each attempt, never sooner than the receiver asks; None when enough was tried."""
    if attempts >= ATTEMPTS_MAX:
        return None
    wait = wait_before(FIRST_WAIT, LONGEST_WAIT, attempts)
    return now() + max(wait, timedelta(milliseconds=retry_after_ms or 0))
