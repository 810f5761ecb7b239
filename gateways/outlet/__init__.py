"""The partner outlets: asked to look at a regional card, they answer later by a signed report."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from domain.money import Money
from gateways import answers
from gateways.breaker import Breakers
from gateways.calls import CallRecord
from gateways.errors import ReportRefused
from gateways.http import SignedChannel
from gateways.signatures import require_signature

SYSTEM = "outlet"
NOTE_LENGTH_MAX = 500
_IDENTIFIER = re.compile(
    r"[!-~]{1,200}"
)  # Ours and theirs; one with a NUL or half a character would break on its way to the database.


class Verdict(StrEnum):
    """What the outlet says."""

    PENDING = "pending"  # Not checked yet; says nothing new, and may come late.
    CONFIRMED = "confirmed"  # The card is good for `face_value`.
    DENIED = "denied"  # The card is not good.


@dataclass(frozen=True)
class OutletAsked:
    """The outlet has taken the request."""

    confirmation_id: str
    call: CallRecord


@dataclass(frozen=True)
class OutletReport:
    """The outlet's answer; of several for one confirmation the highest `sequence` holds, whatever order they come in."""

    confirmation_id: str
    request_id: str
    outlet_id: str
    verdict: Verdict
    face_value: Money | None
    note: str
    answered_by: str
    answered_at: datetime
    sequence: int


class OutletGateway:
    """Asks outlets, and reads their reports, each signed with the outlet's own secret.

    Asking raises GatewayUnavailable("circuit_open") while they are down.
    """

    def __init__(self, channel: SignedChannel, breakers: Breakers, clock: Callable[[], float] = time.time) -> None:
        self._channel = channel
        self._breakers = breakers
        self._clock = clock

    async def ask(
        self, request_id: str, outlet_id: str, brand: str, number: str, callback_url: str, deadline: datetime
    ) -> OutletAsked:
        """Asks an outlet to look at a card. Raises GatewayRefused("unknown_outlet") or GatewayUnavailable; safe to repeat."""
        question = {
            "request_id": request_id, "outlet_id": outlet_id, "brand": brand, "number": number,
            "callback_url": callback_url, "deadline": deadline.isoformat(),
        }  # fmt: skip
        async with self._breakers.guard(SYSTEM, SYSTEM) as guarded:
            reply = await self._channel.post("/v1/confirmations", question)
            guarded.cost_fen = answers.cost_if_readable(reply.fields)
        with answers.reading(SYSTEM):
            confirmation_id = str(reply.fields["confirmation_id"])
        details = {"confirmation_id": confirmation_id, "outlet_id": outlet_id}
        call = CallRecord(SYSTEM, "ask", request_id, answers.cost(reply.fields), reply.latency_ms, details)
        return OutletAsked(confirmation_id, call)

    def verify_report(self, body: bytes, signature: str | None, secrets: list[str]) -> OutletReport:
        """Reads a callback: raw body, `X-Cardloop-Signature`, and the secrets of the outlet that `claimed_sender` names.

        Raises ReportRefused: signature, stale or malformed.
        """
        require_signature(SYSTEM, secrets, body, signature, self._clock)
        try:
            return _report(json.loads(body))
        except (
            KeyError,
            TypeError,
            ValueError,
            OverflowError,
            RecursionError,
        ):  # 1e999, and a hundred thousand brackets.
            # `from None`: the message of these errors can quote the report.
            raise ReportRefused(SYSTEM, "malformed") from None


def claimed_sender(body: bytes) -> str:
    """Which outlet a report says it is from: only to find the secret that proves it. Raises ReportRefused("malformed")."""
    try:
        return _identifier(json.loads(body)["outlet_id"])
    except (KeyError, TypeError, ValueError, RecursionError):
        raise ReportRefused(SYSTEM, "malformed") from None


def require_face_value(report: OutletReport, claimed: Money) -> None:
    """Raises ReportRefused("wrong_amount") when a confirmation names another face value than the card's."""
    if report.verdict is Verdict.CONFIRMED and report.face_value != claimed:
        raise ReportRefused(SYSTEM, "wrong_amount")


def _report(fields: dict[str, Any]) -> OutletReport:
    return OutletReport(
        confirmation_id=_identifier(fields["confirmation_id"]),
        request_id=_identifier(fields["request_id"]),
        outlet_id=_identifier(fields["outlet_id"]),
        verdict=Verdict(fields["verdict"]),
        face_value=answers.amount(fields, "face_minor"),
        note=str(fields.get("note", ""))[:NOTE_LENGTH_MAX],
        answered_by=str(fields["answered_by"]),
        answered_at=answers.moment(fields, "answered_at"),
        sequence=int(fields["sequence"]),
    )


def _identifier(given: object) -> str:
    """Raises ValueError for what is no identifier."""
    if not isinstance(given, str) or not _IDENTIFIER.fullmatch(given):
        raise ValueError("an identifier is 1 to 200 visible characters")
    return given
