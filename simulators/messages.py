"""The message gateway: takes text messages and shows them, for no phone will ring here.

`python -m simulators.messages --port 8105 --seed 1`
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import HTTPException
from pydantic import BaseModel, Field

from simulators.controls import Controls, Words
from simulators.page import Panel
from simulators.program import Program, now_text
from simulators.serve import run_one


class Message(BaseModel):
    """One message. The same `dedupe_key` is taken once."""

    to: str = Field(min_length=3, max_length=200)
    text: str = Field(min_length=1, max_length=2000)
    template: str = ""
    locale: str = "zh_CN"
    dedupe_key: str = Field(min_length=1, max_length=200)


class MessagesControls(Controls):
    """Switches of the message gateway."""

    refuse: Annotated[bool, Words("拒收所有号码", "Refuse every number")] = False
    cost_fen: Annotated[int, Field(ge=0), Words("每条短信的费用（分）", "Cost per message (fen)")] = 4


class Messages(Program):
    """The message gateway's API."""

    name = "messages"
    port = 8105
    title = Words("短信模拟器", "Message simulator")
    controls_type = MessagesControls
    controls: MessagesControls
    partner_calls = (("POST", "/v1/messages"),)

    def routes(self) -> None:
        """Declare the partner's own addresses."""
        self.app.post("/v1/messages", status_code=202)(self.take)
        self.app.get("/v1/messages")(self.kept)

    async def take(self, message: Message) -> dict[str, Any]:
        """Takes a message; one with a known `dedupe_key` is answered as the first and kept once."""
        if self.controls.refuse:
            raise HTTPException(422, "refused_number")
        known = self.store.get("message", message.dedupe_key)
        if known is None:
            known = message.model_dump() | {"message_id": f"msg-{message.dedupe_key}", "at": now_text()}
            self.store.put("message", message.dedupe_key, known)
        return {"message_id": known["message_id"], "cost_fen": self.controls.cost_fen}

    async def kept(self, to: str | None = None) -> list[dict[str, Any]]:
        """List the messages, newest first; `to` picks one receiver's."""
        return [kept for kept in self.store.newest_first("message") if to in (None, kept["to"])]

    def panels(self) -> list[Panel]:
        """Show what this program knows."""
        rows = [(kept["at"], _masked(kept["to"]), kept["text"]) for kept in self.store.newest_first("message")]
        columns = (Words("时间", "Time"), Words("收件人", "To"), Words("内容", "Text"))
        return [Panel(Words("短信（最新在前）", "Messages, newest first"), columns, rows)]


def _masked(receiver: str) -> str:
    return f"{receiver[:3]}****{receiver[-4:]}"


if __name__ == "__main__":
    run_one(Messages)
