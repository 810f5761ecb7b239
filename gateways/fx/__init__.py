"""The foreign-exchange desk of the cross-border channel: a rate held for one offer, and the channel's licence."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from domain.cards.verification import ChannelLicence, LockedRate
from domain.money import Currency, Money
from gateways import answers
from gateways.breaker import Breakers
from gateways.calls import CallRecord
from gateways.errors import GatewayRefused
from gateways.http import JsonReply, SignedChannel

SYSTEM = "fx"
UNKNOWN_CHANNEL = "unknown_channel"


@dataclass(frozen=True)
class RateAnswer:
    """A rate that is held for us."""

    rate: LockedRate
    call: CallRecord


@dataclass(frozen=True)
class LicenceAnswer:
    """Whether a channel is licensed."""

    licence: ChannelLicence
    call: CallRecord


class FxGateway:
    """Asks the desk. Raises GatewayUnavailable (also "circuit_open") or GatewayRefused."""

    def __init__(self, channel: SignedChannel, breakers: Breakers) -> None:
        self._channel = channel
        self._breakers = breakers

    async def lock(self, request_id: str, amount: Money, ttl_s: int) -> RateAnswer:
        """Holds a rate for turning `amount` into CNY, for `ttl_s` seconds; the same request id gets the same lock."""
        question = {
            "request_id": request_id, "pair": f"{amount.currency}/{Currency.CNY}", "amount_minor": amount.amount_minor,
            "side": "buy", "ttl_s": ttl_s,
        }  # fmt: skip
        async with self._breakers.guard(SYSTEM, SYSTEM) as call:
            reply = await self._channel.post("/v1/rates/lock", question)
            call.cost_fen = answers.cost_if_readable(reply.fields)
        with answers.reading(SYSTEM):
            locked = _locked(reply, amount.currency)
        return RateAnswer(locked, _call("lock", request_id, reply, "lock_id", "pair", "rate", "expires_at"))

    async def licence(self, request_id: str, channel: str, today: date) -> LicenceAnswer:
        """Ask whether `channel` (a letters-and-dashes code) is licensed on `today`; one the desk does not know is not licensed."""
        started = time.perf_counter()
        try:
            async with self._breakers.guard(SYSTEM, SYSTEM) as guarded:
                reply = await self._channel.get(f"/v1/licences/{channel}", request_id)
                guarded.cost_fen = answers.cost_if_readable(reply.fields)
        except GatewayRefused as refused:
            if refused.code != UNKNOWN_CHANNEL:
                raise
            waited_ms = int((time.perf_counter() - started) * 1000)
            call = CallRecord(SYSTEM, "licence", request_id, 0, waited_ms, {"status": UNKNOWN_CHANNEL})
            return LicenceAnswer(ChannelLicence(channel, licensed=False, valid_until=None), call)
        with answers.reading(SYSTEM):
            licensed = reply.fields["status"] == "licensed" and _holds(reply, today)
            licence = ChannelLicence(channel, licensed, str(reply.fields["valid_until"]))
        return LicenceAnswer(licence, _call("licence", request_id, reply, "status", "valid_from", "valid_until"))


def _locked(reply: JsonReply, currency: Currency) -> LockedRate:
    text, ends = str(reply.fields["rate"]), answers.moment(reply.fields, "expires_at").isoformat()
    try:
        rate = Decimal(text)
    except InvalidOperation as error:
        raise ValueError("rate") from error
    if not rate.is_finite() or rate <= 0:
        raise ValueError("rate")
    return LockedRate(str(reply.fields["lock_id"]), currency, text, ends)


def _holds(reply: JsonReply, today: date) -> bool:
    return date.fromisoformat(reply.fields["valid_from"]) <= today <= date.fromisoformat(reply.fields["valid_until"])


def _call(operation: str, request_id: str, reply: JsonReply, *shown: str) -> CallRecord:
    return CallRecord(
        SYSTEM, operation, request_id, answers.cost(reply.fields), reply.latency_ms, reply.text_of(*shown)
    )
