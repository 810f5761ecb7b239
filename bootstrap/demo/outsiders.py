"""Those outside whom the demo's script plays through the simulators: issuers' books, text messages, the outlet's counter."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from bootstrap.demo.partner import PAYEE
from bootstrap.demo.samples import Sample
from bootstrap.demo.talk import Refused, ask, client
from bootstrap.settings import Settings
from bootstrap.words import say
from domain.cards.card import CardType

CODE = re.compile(r"(?<![0-9])[0-9]{6}(?![0-9])")


class Outsiders:
    """The simulators' own doors, never the ones the platform uses. Methods raise Refused when one is away."""

    def __init__(self, settings: Settings) -> None:
        self._issuer, self._pos = client(settings.issuer_url), client(settings.pos_url)
        self._outlet, self._messages = client(settings.outlet_url), client(settings.messages_url)

    async def close(self) -> None:
        """Lets go of the connections."""
        for http in (self._issuer, self._pos, self._outlet, self._messages):
            await http.aclose()

    async def register(self, sample: Sample) -> None:
        """Writes the card into its issuer's book, and into the tills' where a till is asked."""
        book = _registration(sample)
        await ask(self._issuer, "POST", "/book", json=book)
        if sample.brand.card_type is CardType.DINING:
            await ask(self._pos, "POST", "/book", json=book)

    async def code_for(self, sample: Sample) -> str:
        """Return the newest one-time code that the seller's phone got for this card."""
        kept = (await ask(self._messages, "GET", "/v1/messages", params={"to": PAYEE["account"]})).json()
        for message in kept:
            found = CODE.findall(message["text"])
            if found and sample.tail in message["text"]:
                return str(found[-1])
        raise Refused(say("短信尚未到达", "the text message has not come yet"))

    async def confirm_at_counter(self, card_id: str, sample: Sample) -> None:
        """Confirm the card as the person at the outlet's counter."""
        for asked in (await ask(self._outlet, "GET", "/v1/confirmations")).json():
            if card_id in asked["request_id"]:
                path = f"/v1/confirmations/{asked['id']}/answer"
                answer = {"verdict": "confirmed", "face_minor": sample.face.amount_minor}
                await ask(self._outlet, "POST", path, json=answer)
                return
        raise Refused(say("网点尚未收到请求", "the outlet has not been asked yet"))


def _registration(sample: Sample) -> dict[str, Any]:
    """The card as an issuer's book takes it; what is not left was spent in one purchase."""
    spent = sample.face.amount_minor - sample.left_minor
    at = datetime.now(UTC).replace(month=1, day=15).isoformat()
    return {
        "brand": sample.brand.code,
        "number": sample.number,
        "pin": sample.pin,
        "status": sample.status,
        "balance_minor": sample.left_minor,
        "face_minor": sample.face.amount_minor,
        "currency": sample.face.currency,
        "expires_on": sample.expiry.isoformat() if sample.expiry else None,
        "consumption": [{"at": at, "amount_minor": spent, "place": "store 017"}] if spent else [],
    }
