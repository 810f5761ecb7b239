"""What was promised to the outside is delivered: webhooks to partners and messages to sellers, tried until they arrive."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from activities.loop_faults import kind_and_place
from activities.partners import opened_webhook_secret
from database.repositories import outbox
from database.session import Database, DatabaseUnavailable
from database.tables.columns import now
from database.tables.intake import PartnerRow, SellerRow
from database.tables.outbox import OutboxRow
from domain.sealing import KeyRing, SealBroken
from gateways.errors import GatewayRefused, GatewayUnavailable
from gateways.messages import MessageGateway
from gateways.webhooks import WebhookGateway
from languages import translate

ATTEMPTS_MAX = 12  # With the waits below: given up after about three days.
FIRST_WAIT = timedelta(seconds=10)
ATTEMPT_S = 30.0  # Of the lease of a minute: no row is due again while it is still being tried.
LONGEST_WAIT = timedelta(hours=12)
# A receiver that refuses for good is asked no more; these answers may still change.
PASSING_REFUSALS = frozenset({"http_401", "http_403", "http_404", "http_408", "http_409", "http_410", "http_425"})


@dataclass(frozen=True)
class _Addressee:
    """Where a row goes: a partner's URL and secret, or a seller's telephone and language."""

    address: str
    secret_or_locale: str


class NoAddress(Exception):
    """Whom the row is for has no address any more."""


class Delivery:
    """Delivers what is due; a seller's message has its words in the catalogue under `message.<topic>`."""

    def __init__(
        self,
        database: Database,
        keyring: KeyRing,
        webhooks: WebhookGateway,
        messages: MessageGateway,
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._webhooks = webhooks
        self._messages = messages

    async def deliver_due(self, limit: int = 10) -> int:
        """Tries up to `limit` rows that are due and returns how many were tried; their failures are kept, not raised.

        All at once, so that the slowest receiver sets the time, never their sum. Raises DatabaseUnavailable.
        """
        async with self._database.transaction() as session:
            rows = await outbox.due(session, limit)
        outcomes = await asyncio.gather(*map(self._deliver, rows), return_exceptions=True)
        for broken in outcomes:
            if broken is not None:
                raise broken  # After the others have ended: none goes on behind its caller's back.
        return len(rows)

    async def _deliver(self, row: OutboxRow) -> None:
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
                await self._send(row, await self._addressee(row))
        except GatewayUnavailable as error:
            return str(error), _next_try(row.attempts, error.retry_after_ms)
        except GatewayRefused as error:
            return str(error), _next_try(row.attempts) if error.code in PASSING_REFUSALS else None
        except TimeoutError:
            return "timeout", _next_try(row.attempts)
        except SealBroken:
            return "seal broken", _next_try(row.attempts)  # The key ring can still be mended.
        except NoAddress:
            return "no address", None
        except DatabaseUnavailable:
            raise
        except Exception as error:  # noqa: BLE001  # Kept as this row's failure; the other rows are delivered.
            return kind_and_place(error), _next_try(row.attempts)
        return None, None

    async def _addressee(self, row: OutboxRow) -> _Addressee:
        kind, _, owner_id = row.destination.partition(":")
        async with self._database.transaction() as session:
            partner = await session.get(PartnerRow, owner_id) if kind == "partner" else None
            seller = await session.get(SellerRow, owner_id) if kind == "seller" else None
        if partner is not None and partner.webhook_url:
            return _Addressee(partner.webhook_url, opened_webhook_secret(self._keyring, partner))
        if seller is not None:
            phone = self._keyring.open_text(seller.phone_sealed, purpose="seller", aad=f"seller:{seller.id}:phone")
            return _Addressee(phone, seller.locale)
        raise NoAddress

    async def _send(self, row: OutboxRow, to: _Addressee) -> None:
        if row.kind == "webhook":
            await self._webhooks.deliver(to.address, row.id, row.topic, row.payload, to.secret_or_locale)
            return
        text = translate(f"message.{row.topic}", to.secret_or_locale, row.payload)
        await self._messages.send(row.id, to.address, text, template=row.topic, locale=to.secret_or_locale)


def _next_try(attempts: int, retry_after_ms: int | None = None) -> datetime | None:
    """Ten seconds, doubled with each attempt, never sooner than the receiver asks; None when enough was tried."""
    if attempts >= ATTEMPTS_MAX:
        return None
    wait: timedelta = min(LONGEST_WAIT, FIRST_WAIT * 2 ** max(0, attempts - 1))
    return now() + max(wait, min(LONGEST_WAIT, timedelta(milliseconds=retry_after_ms or 0)))
