"""The foreign-exchange desk of the licensed channel: rates held for an offer, and the channel's licence.

`python -m simulators.fx --port 8104 --seed 1`
"""

from __future__ import annotations

import secrets
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import HTTPException
from pydantic import BaseModel, Field, field_validator

from simulators.controls import Controls, Words, listed
from simulators.page import Panel
from simulators.program import Program
from simulators.serve import run_one

RATES = {"USD/CNY": Decimal("7.1000"), "EUR/CNY": Decimal("7.8000"), "HKD/CNY": Decimal("0.9100")}
STEP = Decimal("0.0001")
SEED_STEPS = 100  # The seed moves each rate by at most a hundred steps.
BASIS_POINTS = 10_000
SPREAD_BP = {"buy": -20, "sell": 20}  # The desk buys the foreign currency below the middle, and sells above.
LICENSED_FROM = date(2020, 1, 1)
LICENSED_IN = ZoneInfo("Asia/Shanghai")


class RateRequest(BaseModel):
    """Asks for a rate to be held. The same request id gets the same lock."""

    request_id: str = Field(min_length=1, max_length=100)
    pair: str
    amount_minor: int = Field(gt=0)
    side: Literal["buy", "sell"]
    ttl_s: int = Field(gt=0, le=7 * 86_400)


class FxControls(Controls):
    """Switches of the desk."""

    rate_shift_bp: Annotated[
        int, Field(ge=-5000, le=5000), Words("汇率偏移（万分之一）", "Rate shift (basis points)")
    ] = 0
    licensed_channels: Annotated[tuple[str, ...], Words("持牌渠道（逗号分隔）", "Licensed channels (by comma)")] = (
        "amazon-us",
    )
    suspended_channels: Annotated[
        tuple[str, ...], Words("暂停的渠道（逗号分隔）", "Suspended channels (by comma)")
    ] = ()
    licence_days_left: Annotated[int, Field(ge=-3650, le=3650), Words("牌照剩余天数", "Days left of the licence")] = 365
    cost_fen: Annotated[int, Field(ge=0), Words("每次调用的费用（分）", "Cost per call (fen)")] = 2

    @field_validator("licensed_channels", "suspended_channels", mode="before")
    @classmethod
    def split(cls, given: object) -> object:
        """Split the list, which a form sends as text, separated by commas."""
        return listed(given)


class Fx(Program):
    """The desk's API."""

    name = "fx"
    port = 8104
    title = Words("外汇与跨境渠道模拟器", "FX desk and cross-border channel simulator")
    controls_type = FxControls
    controls: FxControls
    partner_calls = (("POST", "/v1/rates/"), ("GET", "/v1/licences/"))

    def routes(self) -> None:
        """Declare the partner's own addresses."""
        self.app.post("/v1/rates/lock")(self.lock)
        self.app.get("/v1/licences/{channel}")(self.licence)

    async def lock(self, asked: RateRequest) -> dict[str, Any]:
        """Hold a rate (decimal as text: units of the second currency for one of the first) for `ttl_s` seconds."""
        known = self.store.get("lock", asked.request_id)
        if known is not None:
            return known
        if asked.pair not in RATES:
            raise HTTPException(404, "unknown_pair")
        lock = {
            "request_id": asked.request_id, "lock_id": f"fx-{secrets.token_hex(8)}", "pair": asked.pair, "side": asked.side,
            "amount_minor": asked.amount_minor, "rate": str(self._rate(asked.pair, asked.side)),
            "expires_at": (datetime.now(UTC) + timedelta(seconds=asked.ttl_s)).isoformat(), "cost_fen": self.controls.cost_fen,
        }  # fmt: skip
        self.store.put("lock", asked.request_id, lock)
        return lock

    async def licence(self, channel: str) -> dict[str, Any]:
        """Answer whether a cross-border channel is licensed, and until when; 404 for one the desk does not know."""
        if channel not in (*self.controls.licensed_channels, *self.controls.suspended_channels):
            raise HTTPException(404, "unknown_channel")
        until = datetime.now(LICENSED_IN).date() + timedelta(days=self.controls.licence_days_left)
        status = "suspended" if channel in self.controls.suspended_channels else "licensed"
        return {
            "channel": channel, "status": status, "valid_from": LICENSED_FROM.isoformat(),
            "valid_until": until.isoformat(), "cost_fen": self.controls.cost_fen,
        }  # fmt: skip

    def panels(self) -> list[Panel]:
        """Show what this program knows."""
        rows = [
            (kept["lock_id"], kept["pair"], kept["side"], kept["rate"], kept["expires_at"])
            for kept in self.store.newest_first("lock")
        ]
        columns = (Words("编号", "Lock"), Words("货币对", "Pair"), Words("方向", "Side"), Words("汇率", "Rate"))
        return [Panel(Words("锁定的汇率", "Locked rates"), (*columns, Words("有效期至", "Until")), rows)]

    def _rate(self, pair: str, side: str) -> Decimal:
        middle = RATES[pair] + STEP * (self.setup.seed * 37 % (2 * SEED_STEPS + 1) - SEED_STEPS)
        shift = BASIS_POINTS + SPREAD_BP[side] + self.controls.rate_shift_bp
        return (middle * shift / BASIS_POINTS).quantize(STEP)


if __name__ == "__main__":
    run_one(Fx)
