"""The stores' point-of-sale system: whether a till would take this card; often slow, often of no opinion.

`python -m simulators.pos --port 8101 --seed 1`
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from simulators.book import Book, Entry, Registration
from simulators.brand_program import BrandProgram
from simulators.controls import BrandControls, Rate, Words
from simulators.issuer import Inquiry, refuse_in_maintenance
from simulators.program import Setup
from simulators.serve import run_one

USABLE = frozenset({"active", "partly_used"})


class PosControls(BrandControls):
    """Switches of the till."""

    answer: Annotated[
        Literal["book", "valid", "invalid", "unknown"],
        Words(
            "回答：book（按卡册）、valid、invalid、unknown", "Answer: book (as the book says), valid, invalid, unknown"
        ),
    ] = "book"
    unknown_rate: Annotated[Rate, Words("答“不知道”的比例", "How often the till does not know")] = 0.0
    cost_fen: Annotated[int, Field(ge=0), Words("每次调用的费用（分）", "Cost per call (fen)")] = 5


class Pos(BrandProgram):
    """The stores' API."""

    name = "pos"
    port = 8101
    title = Words("门店收银模拟器", "Store till (POS) simulator")
    controls_type = PosControls
    controls: PosControls
    partner_calls = (("POST", "/v1/stores/"),)

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.book = Book(self.store, f"pos-{setup.seed}", self.brands)

    def routes(self) -> None:
        """Declare the partner's own addresses."""
        super().routes()
        self.app.post("/v1/stores/check")(self.check)
        for path in ("/book", "/v1/book"):
            self.app.post(path, status_code=201)(self.register)

    async def check(self, asked: Inquiry) -> dict[str, Any]:
        """`valid` with the face value, `invalid`, or `unknown`."""
        refuse_in_maintenance(asked.brand, self.controls)
        entry = self.book.find(asked.brand, asked.number, self.controls.default_balance_minor)
        result = self._result(entry, asked.pin)
        face = entry.face_minor or self.controls.default_balance_minor
        return {
            "request_id": asked.request_id, "result": result, "face_minor": face if result == "valid" else None,
            "currency": entry.currency, "cost_fen": self.controls.cost_fen,
        }  # fmt: skip

    async def register(self, card: Registration) -> Entry:
        """Registers a card explicitly."""
        return self.book.register(card)

    def _result(self, entry: Entry, pin: str | None) -> str:
        if self.happens(self.controls.unknown_rate) or self.controls.answer == "unknown":
            return "unknown"
        if self.controls.answer != "book":
            return self.controls.answer
        if entry.status == "unknown":
            return "unknown"
        return "valid" if entry.status in USABLE and entry.pin_verdict(pin, self.book.salt) != "wrong" else "invalid"


if __name__ == "__main__":
    run_one(Pos)
