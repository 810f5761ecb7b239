"""The partner outlets: a person at the counter looks at a regional card in the shop's own till, and confirms or denies it.

`python -m simulators.outlet --port 8102 --seed 1`

The full number is shown to that person as long as this process lives; the file keeps the last four characters alone.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Annotated, Any, Literal

from fastapi import HTTPException, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel, Field, ValidationError

from simulators import signatures
from simulators.callbacks import POLL_S, Callbacks
from simulators.controls import CallbackControls, Words
from simulators.keys import REPORTS
from simulators.page import Button, Panel
from simulators.program import Program, Setup, now_text, tail_of
from simulators.serve import run_one
from simulators.store import Record

FORGERS_SECRET = "nobody-trusts-this"  # noqa: S105 - the point of it is that it opens nothing.
ANSWERED_BY = "counter 2"


class ConfirmationRequest(BaseModel):
    """Asks an outlet to look at a card until `deadline` (ISO 8601). The same request id asks once."""

    request_id: str = Field(min_length=1, max_length=100)
    outlet_id: str
    brand: str
    number: str = Field(repr=False)
    callback_url: str
    deadline: str


class Answer(BaseModel):
    """What the person at the counter says."""

    verdict: Literal["confirmed", "denied"]
    face_minor: int | None = Field(default=None, ge=0)
    note: str = Field(default="", max_length=500)


class OutletControls(CallbackControls):
    """Switches of the outlets."""

    outlets: Annotated[
        int, Field(ge=0, le=999), Words("门店数量：outlet-1 到 outlet-N", "How many outlets: outlet-1 to outlet-N")
    ] = 9
    auto_answer: Annotated[
        Literal["never", "confirmed", "denied"],
        Words("自动回答：never、confirmed、denied", "Answers automatically: never, confirmed, denied"),
    ] = "never"
    auto_answer_ms: Annotated[
        int, Field(ge=0, le=3_600_000), Words("多久后自动回答（毫秒）", "Answers automatically after (ms)")
    ] = 500
    default_face_minor: Annotated[int, Field(ge=0), Words("默认面值（分）", "Default face value (fen)")] = 50_000
    cost_fen: Annotated[int, Field(ge=0), Words("每次确认的费用（分）", "Cost per confirmation (fen)")] = 30


class Outlet(Program):
    """The outlets' API and counter page."""

    name = "outlet"
    port = 8102
    title = Words("合作网点模拟器", "Partner outlet simulator")
    controls_type = OutletControls
    controls: OutletControls

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.numbers: dict[str, str] = {}
        self.callbacks = Callbacks(self.store, self._signed, lambda response: response.is_success)

    def routes(self) -> None:
        """Declare the platform's address, and those of the counter."""
        self.app.post("/v1/confirmations", status_code=202)(self.ask)
        self.app.get("/v1/confirmations")(self.asked)
        self.app.post("/v1/confirmations/{confirmation_id}/answer", response_model=None)(self.answer)

    def background(self) -> list[Any]:
        """Callbacks, and answers that come by themselves."""
        return [self.callbacks.pump(), self._answer_automatically()]

    async def ask(self, asked: ConfirmationRequest) -> dict[str, Any]:
        """Takes a request; 404 for an outlet that does not exist."""
        if asked.outlet_id not in {f"outlet-{number + 1}" for number in range(self.controls.outlets)}:
            raise HTTPException(404, "unknown_outlet")
        confirmation_id = f"oc-{asked.request_id}"
        self.numbers[confirmation_id] = asked.number
        if self.store.get("confirmation", confirmation_id) is None:
            record = asked.model_dump(exclude={"number"}) | {"tail": tail_of(asked.number), "asked": time.time()}
            self.store.put("confirmation", confirmation_id, record | {"id": confirmation_id, "verdict": "pending"})
            self.store.put("pending", confirmation_id, {"id": confirmation_id, "asked": record["asked"]})
        return {"request_id": asked.request_id, "confirmation_id": confirmation_id, "cost_fen": self.controls.cost_fen}

    async def asked(self) -> list[Record]:
        """All confirmations, newest first."""
        return self.store.newest_first("confirmation")

    async def answer(self, confirmation_id: str, request: Request) -> Response:
        """Record the counter's answer, by form or JSON; a later one replaces it and is reported too."""
        kept = self.store.get("confirmation", confirmation_id)
        if kept is None:
            raise HTTPException(404, "unknown_confirmation")
        as_json = request.headers.get("content-type", "").startswith("application/json")
        try:
            given = Answer.model_validate(await request.json() if as_json else dict(await request.form()))
        except ValidationError as error:
            return JSONResponse(
                {"error": "answer", "why": json.loads(error.json(include_url=False, include_input=False))}, 422
            )
        answered = self._record(kept, given)
        return JSONResponse(answered) if as_json else RedirectResponse("/", 303)

    def panels(self) -> list[Panel]:
        """Requests with the buttons of the counter."""
        kept = self.store.newest_first("confirmation")
        shown = ("outlet_id", "brand", "number", "deadline", "verdict")
        seen = [one | {"number": self.numbers.get(one["id"], one["tail"])} for one in kept]
        rows = [[str(one[name]) for name in shown] for one in seen]
        columns = (Words("网点", "Outlet"), Words("品牌", "Brand"), Words("卡号", "Number"), Words("期限", "Deadline"))
        answers = (Words("回答", "Answer"), Words("操作", "Action"))
        buttons = [self._buttons(one) for one in kept]
        return [Panel(Words("待确认的卡", "Cards to confirm"), (*columns, *answers), rows, buttons)]

    def _is_partner_call(self, request: Request) -> bool:
        return request.method == "POST" and request.url.path == "/v1/confirmations"

    def _buttons(self, kept: Record) -> list[Button]:
        url = f"/v1/confirmations/{kept['id']}/answer"
        face = (Words("面值（分）", "Face value (fen)"), str(self.controls.default_face_minor))
        confirm = Button(Words("确认", "Confirm"), url, {"verdict": "confirmed"}, {"face_minor": face})
        return [confirm, Button(Words("否认", "Deny"), url, {"verdict": "denied"})]

    def _record(self, kept: Record, given: Answer) -> Record:
        face = given.face_minor if given.verdict == "confirmed" else None
        sequence = kept.get("sequence", 1) + 1
        said = {"verdict": given.verdict, "face_minor": face, "note": given.note, "sequence": sequence}
        answered = kept | said | {"answered_at": now_text()}
        self.store.put("confirmation", kept["id"], answered)
        self.store.delete("pending", kept["id"])
        self._report(answered)
        return answered

    def _report(self, kept: Record) -> None:
        final = _facts(kept)
        if final["face_minor"] is not None:
            final["face_minor"] += self.controls.wrong_amount_minor
        stale = final | {"verdict": "pending", "face_minor": None, "sequence": 1}
        forged = final | {"verdict": "denied" if final["verdict"] == "confirmed" else "confirmed"}
        self.callbacks.plan(kept["callback_url"], final, stale, forged, self.controls)

    def _signed(self, facts: Record, genuine: bool) -> tuple[bytes, dict[str, str]]:
        body = json.dumps(facts, ensure_ascii=False).encode()
        own = signatures.outlet_secret(self.signing_keys.signing(REPORTS), facts["outlet_id"])
        secret = own if genuine else FORGERS_SECRET
        return body, {signatures.HEADER: signatures.signature(secret, body), "Content-Type": "application/json"}

    async def _answer_automatically(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            if self.controls.auto_answer != "never":
                self._answer_due(self.controls.auto_answer)

    def _answer_due(self, verdict: Literal["confirmed", "denied"]) -> None:
        due = time.time() - self.controls.auto_answer_ms / 1000
        for waiting in self.store.newest_first("pending"):
            kept = self.store.get("confirmation", waiting["id"])
            if kept is not None and waiting["asked"] <= due:
                self._record(kept, Answer(verdict=verdict, face_minor=self.controls.default_face_minor))


def _facts(kept: Record) -> Record:
    return {
        "confirmation_id": kept["id"], "request_id": kept["request_id"], "outlet_id": kept["outlet_id"], "verdict": kept["verdict"],
        "face_minor": kept["face_minor"], "currency": "CNY", "note": kept["note"], "sequence": kept["sequence"],
        "answered_by": ANSWERED_BY, "answered_at": kept["answered_at"],
    }  # fmt: skip


if __name__ == "__main__":
    run_one(Outlet)
