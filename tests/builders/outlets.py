"""Outlets and what they report."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from database.tables.cards import OutletRow
from simulators.signatures import outlet_secret
from tests.builders.world import World
from tests.simulators.running import SECRET


async def an_outlet(world: World, brand: str = "hualian", code: str = "outlet-1") -> None:
    async with world.database.transaction() as session:
        sealed = world.keyring.seal_text(outlet_secret(SECRET, code), purpose="outlet", aad=f"outlet:{code}:secret")
        await session.merge(
            OutletRow(code=code, name="Counter", brand=brand, secret_sealed=sealed, previous_sealed=None, active=True)
        )


def reported(
    request_id: str, *, verdict: str = "confirmed", face: int | None = 500_00, outlet: str = "outlet-1"
) -> bytes:
    report = {
        "confirmation_id": f"oc-{request_id}", "request_id": request_id, "outlet_id": outlet, "verdict": verdict,
        "face_minor": face, "currency": "CNY", "note": "", "sequence": 2, "answered_by": "counter 2",
        "answered_at": datetime.now(UTC).isoformat(),
    }  # fmt: skip
    return json.dumps(report).encode()
