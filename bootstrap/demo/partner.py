"""The partner of the demo: hands cards in by the API and answers for its seller."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bootstrap.demo.samples import Sample
from bootstrap.demo.talk import ask, client
from domain.cards.card import EndReason, Outcome, Stage, WaitingFor

PAYEE = {"account": "13800000021", "name": "林小满"}
PAGE = 100


@dataclass(frozen=True)
class Quoted:
    """A quote as the partner sees it; `basis_minor` is the amount its rate applies to, in the card's own currency."""

    id: str
    amount_minor: int
    basis_minor: int


@dataclass(frozen=True)
class Seen:
    """A card as the API shows it; `paid_minor` is None until the money has been sent for certain."""

    id: str
    stage: Stage
    waiting_for: WaitingFor
    since: str
    until: str | None
    outcome: Outcome | None
    reason: EndReason | None
    quote: Quoted | None
    paid_minor: int | None


class Partner:
    """One API key's view of the platform. Every method raises Refused when the API refuses."""

    def __init__(self, api_url: str, api_key: str) -> None:
        self._http = client(api_url, authorization=f"Bearer {api_key}")

    async def close(self) -> None:
        """Lets go of the connections."""
        await self._http.aclose()

    async def submit(self, sample: Sample, key: str) -> str:
        """Submit the photo alone, under its own idempotency key; return the card's id."""
        card = {"brand": sample.brand.code, "photos": [base64.b64encode(sample.jpeg).decode()]}
        body = {"cards": [card], "payee": PAYEE}
        answer = await ask(self._http, "POST", "/v1/submissions", json=body, headers={"idempotency-key": key})
        return str(answer.json()["card_ids"][0])

    async def look(self) -> dict[str, Seen]:
        """Read the newest hundred submissions' cards, by id."""
        answer = await ask(self._http, "GET", "/v1/submissions", params={"limit": PAGE})
        found = [card for submission in answer.json()["submissions"] for card in submission["cards"]]
        return {card["id"]: _seen(card) for card in found}

    async def stages(self, card_id: str) -> list[Stage]:
        """Return the stages that the card's own story names, in order, each once in a row."""
        story = (await ask(self._http, "GET", f"/v1/cards/{card_id}/story")).json()
        return _each_once([Stage(entry["stage"]) for entry in story["entries"]])

    async def confirm_fields(self, card_id: str, sample: Sample) -> None:
        """Enter, as the seller, what the photo does not show."""
        face = {"amount_minor": sample.face.amount_minor, "currency": sample.face.currency}
        fields = {"number": sample.number, "pin": sample.pin, "face_value": face}
        expiry = {"expiry": sample.expiry.isoformat()} if sample.expiry else {}
        await ask(self._http, "POST", f"/v1/cards/{card_id}/fields", json=fields | expiry)

    async def confirm_pin(self, card_id: str, pin: str) -> None:
        """Enter the PIN alone, as the seller; everything else is confirmed as it was read."""
        await ask(self._http, "POST", f"/v1/cards/{card_id}/fields", json={"pin": pin})

    async def enter_code(self, card_id: str, code: str) -> None:
        """Enter the issuer's one-time code."""
        await ask(self._http, "POST", f"/v1/cards/{card_id}/code", json={"code": code})

    async def accept(self, card_id: str, quote: Quoted) -> None:
        """Says yes to the quote."""
        await ask(self._http, "POST", f"/v1/cards/{card_id}/quote/accept", json={"quote_id": quote.id})


def _seen(card: dict[str, Any]) -> Seen:
    payout = card["payout"]
    return Seen(
        id=card["id"],
        stage=Stage(card["stage"]),
        waiting_for=WaitingFor(card["waiting_for"]),
        since=card["since"],
        until=card["until"],
        outcome=Outcome(card["outcome"]) if card["outcome"] else None,
        reason=EndReason(card["reason"]) if card["reason"] else None,
        quote=_quoted(card["quote"]) if card["quote"] else None,
        paid_minor=payout["amount"]["amount_minor"] if payout and payout["state"] == "paid" else None,
    )


def _quoted(quote: dict[str, Any]) -> Quoted:
    basis = next(line for line in quote["lines"] if line["kind"] == "face_value")
    return Quoted(quote["id"], quote["amount"]["amount_minor"], basis["amount"]["amount_minor"])


def _each_once(stages: Sequence[Stage]) -> list[Stage]:
    return [stage for place, stage in enumerate(stages) if place == 0 or stages[place - 1] is not stage]
