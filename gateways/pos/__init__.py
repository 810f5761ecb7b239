"""The stores' point-of-sale system: whether a till would take this card, and for how much."""

from __future__ import annotations

from domain.cards.card import CardStatus
from domain.cards.verification import Answer, Party
from gateways import answers
from gateways.breaker import Breakers
from gateways.http import SignedChannel

SYSTEM = "pos"
RESULTS = frozenset({"valid", "invalid", "unknown"})


class PosGateway:
    """Asks the till. Raises GatewayUnavailable (also "circuit_open") or GatewayRefused."""

    def __init__(self, channel: SignedChannel, breakers: Breakers) -> None:
        self._channel = channel
        self._breakers = breakers

    async def check(self, request_id: str, brand: str, number: str, pin: str | None) -> Answer:
        """Valid is ACTIVE with the face value; invalid and unknown are UNKNOWN. `details["store"]` has the till's own word."""
        question = {"request_id": request_id, "brand": brand, "number": number, "pin": pin}
        async with self._breakers.guard(SYSTEM, f"{SYSTEM}:{brand}") as call:
            reply = await self._channel.post("/v1/stores/check", question)
            call.cost_fen = answers.cost_if_readable(reply.fields)
        with answers.reading(SYSTEM):
            result = str(reply.fields["result"])
            valid = result == "valid"
            return Answer(
                party=Party.POS,
                operation="check",
                request_id=request_id,
                status=CardStatus.ACTIVE if valid else CardStatus.UNKNOWN,
                balance=answers.amount(reply.fields, "face_minor") if valid else None,
                expires_on=None,
                cost_fen=answers.cost(reply.fields),
                latency_ms=reply.latency_ms,
                details={"store": result if result in RESULTS else "unknown"},
            )
