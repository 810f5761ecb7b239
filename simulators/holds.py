"""Cards that their issuer redeemed or locked for a buyer, and what their holders spend: a card that is held buys nothing more."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import HTTPException
from pydantic import BaseModel, Field

from simulators.book import Book, Entry, Registration, Spending
from simulators.controls import Words
from simulators.page import Button, Panel
from simulators.program import tail_of
from simulators.store import Record, Store

USABLE = frozenset({"active", "partly_used"})
HOW_HELD = {"lock": "locked", "redeem": "redeemed"}
PROCESSING = "processing"


class Wanted(BaseModel):
    """What a buyer asks for: `how` is lock or redeem, of a card that holds at least `least_minor`."""

    request_id: str = Field(min_length=1, max_length=100)
    brand: str
    number: str = Field(repr=False)
    pin: str | None = Field(default=None, repr=False)
    how: str
    least_minor: int = Field(ge=0)
    currency: str
    purpose: str = Field(default="", max_length=40)


class Purchase(BaseModel):
    """A holder pays with a card."""

    brand: str
    number: str = Field(repr=False)
    amount_minor: int = Field(gt=0)


class Holds:
    """Requests by their ids, and which of them a card is held by. Nothing is awaited inside, so each answers once."""

    def __init__(self, store: Store, book: Book) -> None:
        self._store = store
        self._book = book

    def seen(self, brand: str, number: str, entry: Entry) -> Entry:
        """Return the card as everyone sees it: a locked one frozen, a redeemed one empty."""
        held = self._held(brand, number)
        if held is None:
            return entry
        if held["result"] == "locked":
            return entry.model_copy(update={"status": "frozen"})
        spent = Spending(at=held["at"], amount_minor=max(1, held["amount_minor"]), place="redeemed")
        return entry.model_copy(update={"balance_minor": 0, "consumption": [*entry.consumption, spent]})

    def secure(self, wanted: Wanted, entry: Entry, *, refusal: str, undecided: bool) -> Record:
        """Decides a request once; a control can refuse it, or leave it undecided. Raises 409 where the brand offers no such thing."""
        known = self._store.get("secure", wanted.request_id)
        card = self._book.key(wanted.brand, wanted.number)
        if known is not None:
            if known["card"] != card:
                raise HTTPException(409, "request_id_reused")
            return known
        offers = self._book.brands.known().get(wanted.brand)
        if offers is None or offers.secures != wanted.how:
            raise HTTPException(409, "not_offered")
        kept = {
            "request_id": wanted.request_id, "brand": wanted.brand, "card": card, "tail": tail_of(wanted.number),
            "how": wanted.how, "least_minor": wanted.least_minor, "asked_in": wanted.currency, "result": PROCESSING,
            "pin": entry.pin_verdict(wanted.pin, self._book.salt), "at": datetime.now(UTC).isoformat(timespec="seconds"),
        }  # fmt: skip
        self._store.put("secure", wanted.request_id, kept)
        return kept if undecided else self._decided(kept, entry, refusal)

    def state(self, request_id: str, entry: Entry, *, refusal: str, undecided: bool) -> Record:
        """Return what became of a request; an undecided one is decided now, unless the control still holds it up."""
        kept = self._store.get("secure", request_id) or {"result": "not_found"}
        return kept if kept["result"] != PROCESSING or undecided else self._decided(kept, entry, refusal)

    def release(self, request_id: str, brand: str, number: str) -> Record:
        """Ends a lock. A request that never came is remembered as released, so that it has no effect when it comes late."""
        key = self._book.key(brand, number)
        kept = self._store.get("secure", request_id) or {"card": key, "brand": brand, "tail": tail_of(number), "at": ""}
        if kept.get("result") in ("redeemed", "refused"):
            return kept
        if self._store.get("hold", key) == {"request_id": request_id}:
            self._store.delete("hold", key)
        released = kept | {"result": "released"}
        self._store.put("secure", request_id, released)
        return released

    def spend(self, purchase: Purchase, entry: Entry) -> Entry:
        """Takes a purchase off the card. Raises 409 with the reason: `locked`, `redeemed`, a status, or `balance`."""
        held = self._held(purchase.brand, purchase.number)
        if held is not None:
            raise HTTPException(409, held["result"])
        if entry.status not in USABLE:
            raise HTTPException(409, entry.status)
        if entry.balance_minor < purchase.amount_minor:
            raise HTTPException(409, "balance")
        spent = Spending(at=datetime.now(UTC).isoformat(), amount_minor=purchase.amount_minor, place="holder")
        changes = {
            "balance_minor": entry.balance_minor - purchase.amount_minor,
            "consumption": [*entry.consumption, spent],
        }
        return self._book.keep(purchase.brand, purchase.number, entry.model_copy(update=changes))

    def forget(self, card: Registration) -> None:
        """Forget the holds of a card that is registered again: it counts as fresh."""
        self._store.delete("hold", self._book.key(card.brand, card.number))

    def panels(self) -> list[Panel]:
        """Show the requests, newest first, and a till where a holder spends a card."""
        kept = self._store.newest_first("secure")
        rows = [(one["brand"], one["tail"], one["result"], one.get("code", ""), one["at"]) for one in kept]
        result, why, at = Words("结果", "Result"), Words("原因", "Reason"), Words("时间", "At")
        columns = (Words("品牌", "Brand"), Words("卡", "Card"), result, why, at)
        inputs = {
            "number": (Words("卡号", "Number"), ""),
            "amount_minor": (Words("金额（分）", "Amount (minor)"), "100"),
        }
        spend, brands = Words("消费", "Spend"), self._book.brands.known()
        buttons = [[Button(spend, "/spend", {"brand": brand}, inputs)] for brand in brands]
        offered = [(brand, known.secures or "–") for brand, known in brands.items()]
        offer = (Words("品牌", "Brand"), Words("收购时可锁定或兑换", "Locks or redeems for a buyer"), spend)
        return [
            Panel(Words("锁定与兑换请求", "Requests to lock or redeem"), columns, rows),
            Panel(Words("持卡人消费", "The holder spends"), offer, offered, buttons),
        ]

    def _held(self, brand: str, number: str) -> Record | None:
        hold = self._store.get("hold", self._book.key(brand, number))
        return None if hold is None else self._store.get("secure", hold["request_id"])

    def _decided(self, kept: Record, entry: Entry, refusal: str) -> Record:
        why = refusal or self._why_not(kept, entry)
        if why:
            decided: dict[str, Any] = kept | {"result": "refused", "code": why}
        else:
            held = {"result": HOW_HELD[kept["how"]], "amount_minor": entry.balance_minor, "currency": entry.currency}
            decided = kept | held
            self._store.put("hold", kept["card"], {"request_id": kept["request_id"]})
        self._store.put("secure", kept["request_id"], decided)
        return decided

    def _why_not(self, kept: Record, entry: Entry) -> str:
        if self._store.get("hold", kept["card"]) is not None:
            return "held"
        if kept["pin"] == "wrong":
            return "pin"
        if entry.status not in USABLE:
            return entry.status
        covered = entry.currency == kept["asked_in"] and entry.balance_minor >= max(1, kept["least_minor"])
        return "" if covered else "balance"
