"""The issuers of all brands behind one door: balance and status of a card, its purchases, locks, and one-time codes.

`python -m simulators.issuer --port 8100 --seed 1`
"""

from __future__ import annotations

import json
from typing import Annotated, Any

import httpx
from fastapi import HTTPException, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel, Field, ValidationError

from simulators import drawing, signatures
from simulators.book import MAGIC, Book, Entry, Registration
from simulators.brand_program import BrandProgram
from simulators.calling import new_client
from simulators.codes import Codes
from simulators.controls import BrandControls, Words
from simulators.holds import Holds, Purchase, Wanted
from simulators.page import Panel
from simulators.program import Setup, tail_of
from simulators.serve import run_one

HIDDEN_WHEN_PIN_WRONG = {"status": "unknown", "balance_minor": None, "face_minor": None, "expires_on": None}
MESSAGE = {
    "zh": "【{brand}】您正在验证尾号 {tail} 的购物卡，验证码 {code}，{minutes} 分钟内有效。",
    "en": "[{brand}] Your code for the card ending {tail} is {code}. It is good for {minutes} minutes.",
}


class Inquiry(BaseModel):
    """A question about one card."""

    request_id: str = Field(min_length=1, max_length=100)
    brand: str
    number: str = Field(repr=False)
    pin: str | None = Field(default=None, repr=False)


class CodeRequest(Inquiry):
    """Asks for a one-time code to be sent to the owner's phone."""

    phone: str = Field(min_length=5, max_length=20)
    locale: str = "zh"


class CodeCheck(Inquiry):
    """Asks whether this is the code."""

    code: str = Field(max_length=20, repr=False)


class IssuerControls(BrandControls):
    """Switches of the issuers."""

    cost_fen: Annotated[int, Field(ge=0), Words("每次调用的费用（分）", "Cost per call (fen)")] = 10
    code_ttl_s: Annotated[int, Field(ge=0, le=86_400), Words("验证码有效期（秒）", "Life of a one-time code (s)")] = 300
    refuse_secure: Annotated[
        str, Words("拒绝锁定或兑换的原因（空为不拒绝）", "Refuse to lock or redeem, with this reason (empty: do not)")
    ] = ""
    secure_undecided: Annotated[
        bool, Words("锁定与兑换请求一律暂不处理", "Leave requests to lock or redeem undecided")
    ] = False


class Issuer(BrandProgram):
    """The issuers' API."""

    name = "issuer"
    port = 8100
    title = Words("发卡方模拟器", "Issuer simulator")
    controls_type = IssuerControls
    controls: IssuerControls
    partner_calls = (("POST", "/v1/cards/"),)

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.book = Book(self.store, f"book-{setup.seed}", self.brands)
        self.codes = Codes(self.store)
        self.holds = Holds(self.store, self.book)

    def routes(self) -> None:
        """Declare the partner's own addresses."""
        super().routes()
        self.app.post("/v1/cards/inquire")(self.inquire)
        self.app.post("/v1/cards/consumption")(self.consumption)
        self.app.post("/v1/cards/code/send")(self.send_code)
        self.app.post("/v1/cards/code/check")(self.check_code)
        self.app.post("/v1/cards/secure")(self.secure)
        self.app.post("/v1/cards/secure/state")(self.secure_state)
        self.app.post("/v1/cards/secure/release")(self.release)
        self.app.post("/spend", response_model=None)(self.spend)
        self.app.post("/samples", response_model=None)(self.draw)
        for path in ("/book", "/v1/book"):
            self.app.post(path, status_code=201)(self.register)
            self.app.get(path)(self.registered)

    async def inquire(self, asked: Inquiry) -> dict[str, Any]:
        """Return status and balance of a card. A wrong PIN is reported as such, and nothing else."""
        entry = self._seen(asked)
        verdict = entry.pin_verdict(asked.pin, self.book.salt)
        facts = {
            "status": entry.status, "pin": verdict, "balance_minor": entry.balance_minor, "face_minor": entry.face_minor,
            "currency": entry.currency, "expires_on": entry.expires_on.isoformat(), "frozen": entry.status == "frozen",
        }  # fmt: skip
        if verdict == "wrong" or entry.status == "unknown":
            facts |= HIDDEN_WHEN_PIN_WRONG
        return self._costed(asked, facts)

    async def consumption(self, asked: Inquiry) -> dict[str, Any]:
        """Answer with the purchases made with a card, oldest first, and what is left."""
        entry = self._seen(asked)
        records = [spent.model_dump() for spent in sorted(entry.consumption, key=lambda spent: spent.at)]
        left = None if entry.status == "unknown" else entry.balance_minor
        facts = {"status": entry.status, "balance_minor": left, "currency": entry.currency, "records": records}
        return self._costed(asked, facts)

    async def send_code(self, asked: CodeRequest) -> dict[str, Any]:
        """Sends a one-time code to the phone. The same request id sends nothing again."""
        self._entry(asked)
        known = self.store.get("answer", asked.request_id)
        if known is not None:
            return known
        code, ends = self.codes.make(self.book.key(asked.brand, asked.number), self.controls.code_ttl_s, self.chances)
        # Remembered before anything is awaited: the same request arriving meanwhile must not make a second code.
        facts = {"sent_to": f"***{asked.phone[-4:]}", "expires_at": ends.isoformat()}
        answer = self._remembered(asked, facts)
        await self._tell(asked, code)
        return answer

    async def check_code(self, asked: CodeCheck) -> dict[str, Any]:
        """Judges a code: ok, wrong (with tries left), expired. The same request id is answered alike and costs no try."""
        self._entry(asked)
        known = self.store.get("answer", asked.request_id)
        if known is not None:
            return known
        verdict = self.codes.check(self.book.key(asked.brand, asked.number), asked.code)
        return self._remembered(asked, {"result": verdict.result, "tries_left": verdict.tries_left})

    async def secure(self, wanted: Wanted) -> dict[str, Any]:
        """Locks or redeems a card for its buyer, or refuses; the same request id is answered alike and has one effect."""
        inquiry = Inquiry(request_id=wanted.request_id, brand=wanted.brand, number=wanted.number)
        return self._answer(inquiry, self.holds.secure(wanted, self._entry(inquiry), **self._deciding()))

    async def secure_state(self, asked: Inquiry) -> dict[str, Any]:
        """Answer what became of the request of this id."""
        return self._answer(asked, self.holds.state(asked.request_id, self._entry(asked), **self._deciding()))

    async def release(self, asked: Inquiry) -> dict[str, Any]:
        """Ends the lock of this request id."""
        refuse_in_maintenance(asked.brand, self.controls)
        return self._answer(asked, self.holds.release(asked.request_id, asked.brand, asked.number))

    async def spend(self, request: Request) -> Response:
        """Pay with the card as its holder: JSON or form fields `brand`, `number`, `amount_minor`. 409 with the reason."""
        as_json = request.headers.get("content-type", "").startswith("application/json")
        try:
            purchase = Purchase.model_validate(await request.json() if as_json else dict(await request.form()))
        except ValidationError as error:
            raise HTTPException(422, "brand, number, amount_minor") from error
        entry = self.book.find(purchase.brand, purchase.number, self.controls.default_balance_minor)
        left = self.holds.spend(purchase, entry)
        return JSONResponse({"balance_minor": left.balance_minor}) if as_json else RedirectResponse("/", 303)

    async def register(self, card: Registration) -> Entry:
        """Registers a card explicitly."""
        self.holds.forget(card)
        return self.book.register(card)

    async def draw(self, request: Request) -> Response:
        """Return a photo of a fresh card that is registered here, for trying the platform: form fields `brand`, `face`."""
        form = await request.form()
        return await drawing.draw(self.book, str(form.get("brand", "")), str(form.get("face", "")), self.setup.till_url)

    async def registered(self) -> list[Entry]:
        """List the registered cards, by their tails."""
        return self.book.registered()

    def panels(self) -> list[Panel]:
        """Show what this program knows."""
        return [
            drawing.panel(self.brands),
            self._codes_panel(),
            *self.holds.panels(),
            self._book_panel(),
            _magic_panel(),
        ]

    def _seen(self, asked: Inquiry) -> Entry:
        return self.holds.seen(asked.brand, asked.number, self._entry(asked))

    def _deciding(self) -> dict[str, Any]:
        return {"refusal": self.controls.refuse_secure, "undecided": self.controls.secure_undecided}

    def _answer(self, asked: Inquiry, kept: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = {
            name: kept[name] for name in ("result", "code", "amount_minor", "currency") if name in kept
        }
        return self._costed(asked, answer)

    def _entry(self, asked: Inquiry) -> Entry:
        refuse_in_maintenance(asked.brand, self.controls)
        return self.book.find(asked.brand, asked.number, self.controls.default_balance_minor)

    def _costed(self, asked: Inquiry, facts: dict[str, Any]) -> dict[str, Any]:
        return {"request_id": asked.request_id, "brand": asked.brand, "cost_fen": self.controls.cost_fen, **facts}

    def _remembered(self, asked: Inquiry, facts: dict[str, Any]) -> dict[str, Any]:
        answer = self._costed(asked, facts)
        self.store.put("answer", asked.request_id, answer)
        return answer

    async def _tell(self, asked: CodeRequest, code: str) -> None:
        words = MESSAGE["en" if asked.locale.startswith("en") else "zh"]
        minutes = max(1, self.controls.code_ttl_s // 60)
        text = words.format(brand=asked.brand, tail=asked.number[-4:], code=code, minutes=minutes)
        self.store.put("sent", asked.request_id, {"to": asked.phone, "text": text, "tail": tail_of(asked.number)})
        if self.setup.messages_url is not None:
            await self._post_message({"to": asked.phone, "text": text, "dedupe_key": f"issuer-{asked.request_id}"})

    async def _post_message(self, message: dict[str, str]) -> None:
        body = json.dumps(message, ensure_ascii=False).encode()
        secret = self.signing_keys.signing("messages")  # The message gateway knows no other caller in this arrangement.
        headers = {signatures.HEADER: signatures.signature(secret, body), "Content-Type": "application/json"}
        try:
            async with new_client(2) as client:
                await client.post(f"{self.setup.messages_url}/v1/messages", content=body, headers=headers)
        except httpx.HTTPError:
            # A lost text message is a thing that happens; the code is on this program's page, and it can be sent again.
            return

    def _codes_panel(self) -> Panel:
        sent = [(kept["to"], kept["tail"], kept["text"]) for kept in self.store.newest_first("sent")]
        columns = (Words("手机", "Phone"), Words("卡", "Card"), Words("短信", "Message"))
        return Panel(Words("发出的验证码", "One-time codes sent"), columns, sent)

    def _book_panel(self) -> Panel:
        rows = [
            (
                entry.brand,
                tail_of(entry.tail),
                entry.status,
                f"{entry.balance_minor} {entry.currency}",
                str(entry.expires_on),
            )
            for entry in self.book.registered()
        ]
        columns = (
            Words("品牌", "Brand"),
            Words("卡", "Card"),
            Words("状态", "Status"),
            Words("余额（最小单位）", "Balance (minor)"),
        )
        return Panel(Words("登记的卡", "Registered cards"), (*columns, Words("有效期至", "Valid until")), rows)


def refuse_in_maintenance(brand: str, controls: BrandControls) -> None:
    """Raises the 503 of a brand in maintenance, with its Retry-After."""
    if brand in controls.maintenance:
        raise HTTPException(503, "maintenance", {"Retry-After": str(controls.maintenance_retry_s)})


def _magic_panel() -> Panel:
    columns = (
        Words("校验位前两位（无校验位则末两位）", "Two characters before the check digit (or last two)"),
        Words("状态", "Status"),
    )
    others = ("*", "active")
    rows = [(digits, f"{status}, 80 %" if digits == "96" else status) for digits, status in MAGIC.items()]
    return Panel(Words("未登记的卡号如何回答", "How numbers that are not registered answer"), columns, [*rows, others])


if __name__ == "__main__":
    run_one(Issuer)
