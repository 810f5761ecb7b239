"""The message gateway: text messages to sellers."""

from __future__ import annotations

from dataclasses import dataclass

from gateways import answers
from gateways.breaker import Breakers
from gateways.calls import CallRecord
from gateways.http import SignedChannel

SYSTEM = "messages"


@dataclass(frozen=True)
class MessageSent:
    """The gateway has taken the message; it does not say whether a phone has."""

    message_id: str
    call: CallRecord


class MessageGateway:
    """Sends messages. Raises GatewayUnavailable (safe to repeat with the same key, also "circuit_open") or GatewayRefused."""

    def __init__(self, channel: SignedChannel, breakers: Breakers | None = None) -> None:
        self._channel = channel
        self._breakers = breakers or Breakers()

    async def send(
        self, dedupe_key: str, to: str, text: str, *, template: str = "", locale: str = "zh_CN"
    ) -> MessageSent:
        """Sends `text` to a phone number or address; the same `dedupe_key` is delivered once."""
        content = {"dedupe_key": dedupe_key, "to": to, "text": text, "template": template, "locale": locale}
        async with self._breakers.guard(SYSTEM, SYSTEM) as guarded:
            reply = await self._channel.post("/v1/messages", content)
            guarded.cost_fen = answers.cost_if_readable(reply.fields)
        with answers.reading(SYSTEM):
            message_id = str(reply.fields["message_id"])
        details = {"template": template, "locale": locale}
        call = CallRecord(SYSTEM, "send", dedupe_key, answers.cost(reply.fields), reply.latency_ms, details)
        return MessageSent(message_id, call)
