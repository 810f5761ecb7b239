"""A repair of ten thousand cards holds a batch of them in memory, never the list."""

from __future__ import annotations

import tracemalloc

import pytest
from sqlalchemy import text

from domain.identifiers import new_id
from domain.ops.repairs import ItemState
from services.ops.repairs.sources import OfCause
from tests.builders.repairing import Repairing, a_plan
from tests.builders.world import World

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.proof, pytest.mark.timeout(300)]
FEW, MANY = 1_000, 10_000
_SUBMISSION = """
INSERT INTO submission (id, owner, idempotency_key, request_hash, channel, locale, payee_account_sealed, payee_name_sealed,
    payee_masked, created_at)
VALUES (:build, 'partner:many', :build, '', 'api', 'en', '', '', '', now())
"""
_CARDS = """
INSERT INTO card (id, submission_id, position, card_type, brand, currency, holds_number, live, fields_revision, confirm_fields,
    stage, waiting_for, since, started_at, created_at, face_value_minor)
SELECT CAST(:build AS text) || n::text, CAST(:build AS text), n, 'ecommerce', 'jd', 'CNY', false, false, 1, false, 'verification', 'machine', now(), now(),
    now(), 50000
FROM generate_series(1, :many) AS n
"""
_STEPS = """
INSERT INTO pending_step (workflow_id, kind, subject, state, step, queue, provider, failures, error_class, reason, message,
    since, last_at, next_at, build_id, worker)
SELECT 'card:' || id, 'card', id, 'failing', 'verification.ask_issuer', 'issuer-jd', 'issuer:jd', 3, 'gateway_unavailable',
    'http_503', 'issuer: http_503', now(), now(), now() + interval '1 hour', CAST(:build AS text), 'w'
FROM card WHERE submission_id = CAST(:build AS text)
"""


async def test_memory_does_not_grow_with_the_number_of_cards(world: World) -> None:
    peaks = [await _peak(world, many) for many in (FEW, FEW, MANY)]
    assert peaks[2] < 2 * peaks[1], "ten times as many cards in the same memory"


async def _peak(world: World, many: int) -> int:
    """The most memory, in bytes, that a repair of so many cards takes from its draft to its last act."""
    repairing = Repairing(world)
    repairing.build = new_id()
    async with world.database.transaction() as session:
        for statement in (_SUBMISSION, _CARDS, _STEPS):
            given = {"build": repairing.build, "many": many}
            await session.execute(text(statement), given if ":many" in statement else {"build": repairing.build})
    cause, by = await repairing.cause(), await repairing.a_person()
    repairing.hand.called = _Forgetful()
    tracemalloc.start()
    repair_id = await repairing.desk.draft(by, a_plan(rate_per_s=5_000), OfCause(cause))
    await repairing.desk.preview(by, repair_id)
    await repairing.desk.submit(by, repair_id)
    await repairing.desk.agree(await repairing.a_person(), repair_id)
    await repairing.driven(repair_id)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert await repairing.counts(repair_id) == {ItemState.ACTED: many}
    async with world.database.transaction() as session:
        await session.execute(
            text("UPDATE card SET outcome = 'lapsed' WHERE submission_id = :b"), {"b": repairing.build}
        )
        await session.execute(text("DELETE FROM pending_step WHERE build_id = :b"), {"b": repairing.build})
    await repairing.release()
    return peak


class _Forgetful(list):  # type: ignore[type-arg]
    """The test's own list of calls must not be what grows."""

    def append(self, _: object) -> None:
        """Forget it."""
