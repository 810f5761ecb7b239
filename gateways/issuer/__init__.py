"""The issuers of cards: status, balance and purchases of a card, and the one-time codes they send to its owner."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.cards.card import CardStatus
from domain.cards.verification import HOLDS, Answer, DynamicCodeResult, Held, Party, Secures
from domain.money import Money
from gateways import answers
from gateways.breaker import Breakers
from gateways.calls import CallRecord
from gateways.errors import GatewayUnavailable
from gateways.http import JsonReply, SignedChannel

SYSTEM = "issuer"
BUYBACK = "buyback"  # The purpose that a card is secured for.
PROCESSING = "processing"  # The issuer has the request and has not decided yet.
CODE_RESULTS = {"ok": DynamicCodeResult.RIGHT, "wrong": DynamicCodeResult.WRONG, "expired": DynamicCodeResult.EXPIRED}


@dataclass(frozen=True)
class CodeSent:
    """The issuer has sent a one-time code to the owner, good until `expires_at`; `sent_to` is masked."""

    sent_to: str
    expires_at: datetime
    call: CallRecord


@dataclass(frozen=True)
class CodeChecked:
    """What the issuer says of a code; `tries_left` counts those for this code."""

    result: DynamicCodeResult
    tries_left: int
    call: CallRecord


@dataclass(frozen=True)
class CardHeld:
    """What became of a request to redeem or lock a card; `amount` is what the issuer holds for us, None when nothing."""

    held: Held
    amount: Money | None
    call: CallRecord


class IssuerGateway:
    """Asks the issuers. All methods raise GatewayUnavailable (also "circuit_open") or GatewayRefused.

    Repeating a request id is safe: the issuer sends no second code, counts no second try, and secures a card once.
    """

    def __init__(self, channel: SignedChannel, breakers: Breakers) -> None:
        self._channel = channel
        self._breakers = breakers

    async def inquire(self, request_id: str, brand: str, number: str, pin: str | None) -> Answer:
        """Status, balance and expiry. `details["pin"]` is `right`, `wrong` or `none`; a wrong PIN tells no balance."""
        reply = await self._ask("/v1/cards/inquire", request_id, brand, number, {"pin": pin})
        details = reply.text_of("status", "pin", "face_minor", "balance_minor", "currency", "expires_on", "frozen")
        with answers.reading(SYSTEM):
            return _answer("inquire", request_id, reply, details)

    async def consumption(self, request_id: str, brand: str, number: str) -> Answer:
        """Ask for the purchases made with a card: `details` has their count `records`, the sum `spent_minor`, and each as `record_1` …"""
        reply = await self._ask("/v1/cards/consumption", request_id, brand, number, {})
        with answers.reading(SYSTEM):
            return _answer("consumption", request_id, reply, _purchases(reply.fields["records"]))

    async def send_code(self, request_id: str, brand: str, number: str, phone: str, locale: str = "zh_CN") -> CodeSent:
        """Asks the issuer to send a one-time code to the owner's phone; a code sent before is good no more."""
        extra = {"phone": phone, "locale": locale}
        reply = await self._ask("/v1/cards/code/send", request_id, brand, number, extra)
        with answers.reading(SYSTEM):
            ends = answers.moment(reply.fields, "expires_at")
            call = _call("send_code", request_id, reply, reply.text_of("sent_to", "expires_at"))
            return CodeSent(str(reply.fields["sent_to"]), ends, call)

    async def check_code(self, request_id: str, brand: str, number: str, code: str) -> CodeChecked:
        """Asks whether this is the code: right, wrong (with tries left), or expired."""
        reply = await self._ask("/v1/cards/code/check", request_id, brand, number, {"code": code})
        with answers.reading(SYSTEM):
            call = _call("check_code", request_id, reply, reply.text_of("result", "tries_left"))
            return CodeChecked(CODE_RESULTS[reply.fields["result"]], answers.count(reply.fields, "tries_left"), call)

    async def secure(
        self, request_id: str, brand: str, number: str, pin: str | None, how: Secures, least: Money
    ) -> CardHeld:
        """Has the card redeemed or locked, whole or not at all: the issuer refuses one that holds less than `least`.

        Raises GatewayUnavailable also while the issuer has not decided, and when it redeemed less; `held` then asks about it.
        """
        extra = {
            "pin": pin, "how": how.value, "least_minor": least.amount_minor, "currency": least.currency.value,
            "purpose": BUYBACK,
        }  # fmt: skip
        reply = await self._ask("/v1/cards/secure", request_id, brand, number, extra)
        return _held("secure", request_id, reply, least)

    async def held(self, request_id: str, brand: str, number: str, least: Money) -> CardHeld:
        """Asks what became of the `secure` of this request id; has no effect of its own. Raises GatewayUnavailable as that does."""
        reply = await self._ask("/v1/cards/secure/state", request_id, brand, number, {})
        return _held("secure_state", request_id, reply, least)

    async def release(self, request_id: str, brand: str, number: str) -> CardHeld:
        """Ends the lock of this request id; a `secure` that still arrives under it has no effect. What is redeemed stays so."""
        reply = await self._ask("/v1/cards/secure/release", request_id, brand, number, {})
        return _held("secure_release", request_id, reply)

    async def _ask(self, path: str, request_id: str, brand: str, number: str, extra: dict[str, Any]) -> JsonReply:
        question = {"request_id": request_id, "brand": brand, "number": number, **extra}
        async with self._breakers.guard(SYSTEM, f"{SYSTEM}:{brand}") as call:
            reply = await self._channel.post(path, question)
            call.cost_fen = answers.cost_if_readable(reply.fields)
            return reply


def _answer(operation: str, request_id: str, reply: JsonReply, details: dict[str, str]) -> Answer:
    status = answers.status(reply.fields)
    return Answer(
        party=Party.ISSUER,
        operation=operation,
        request_id=request_id,
        status=status,
        balance=_balance(reply, status),
        expires_on=answers.day(reply.fields, "expires_on"),
        cost_fen=answers.cost(reply.fields),
        latency_ms=reply.latency_ms,
        details=details,
    )


def _held(operation: str, request_id: str, reply: JsonReply, least: Money | None = None) -> CardHeld:
    with answers.reading(SYSTEM):
        if reply.fields["result"] == PROCESSING:
            raise GatewayUnavailable(SYSTEM, PROCESSING, perhaps_done=True)
        held = Held(reply.fields["result"])
        amount = answers.amount(reply.fields, "amount_minor") if held in HOLDS else None
        short = least is not None and (amount is None or not _covers(amount, least))
        if (held in HOLDS and amount is None) or (held is Held.REDEEMED and short):
            raise ValueError("amount_minor")  # A redeemed card cannot be restored: a person asks the issuer.
        call = _call(operation, request_id, reply, reply.text_of("result", "code", "amount_minor", "currency"))
        return CardHeld(held, amount, call)


def _covers(amount: Money, least: Money) -> bool:
    return amount.currency is least.currency and amount.amount_minor >= least.amount_minor


def _balance(reply: JsonReply, status: CardStatus) -> Money | None:
    return None if status is CardStatus.UNKNOWN else answers.amount(reply.fields, "balance_minor")


def _purchases(records: list[dict[str, Any]]) -> dict[str, str]:
    lines = {
        f"record_{place}": f"{record['at']} {_spent(record)} {record.get('place', '')}".strip()
        for place, record in enumerate(records, start=1)
    }
    return {
        "records": str(len(records)),
        "spent_minor": str(sum(_spent(record) for record in records)),
        **lines,
    }


def _spent(record: dict[str, Any]) -> int:
    return answers.count(record, "amount_minor", answers.AMOUNT_MINOR_MAX)


def _call(operation: str, request_id: str, reply: JsonReply, details: dict[str, str]) -> CallRecord:
    return CallRecord(SYSTEM, operation, request_id, answers.cost(reply.fields), reply.latency_ms, details)
