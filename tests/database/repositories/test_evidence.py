"""The log: leaves get their places once, every head stays true, and whatever is changed behind its back is found."""

import asyncio
import re
from datetime import timedelta
from itertools import pairwise

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from database.invariants import violations
from database.repositories import evidence, set_aside
from database.session import Database
from database.tables.columns import now
from domain.errors.general import NotFound
from domain.evidence import log as log
from domain.sealing import KeyRing, signature_holds
from tests.builders.merkle import root_of
from tests.database.builders import RING, a_leaf

PUBLIC = RING.evidence_public_key


async def some_leaves(session: AsyncSession, count: int) -> list[int]:
    return [await a_leaf(session, "test.leaf", {"number": number}) for number in range(count)]


@pytest_asyncio.fixture(loop_scope="session")
async def grown(session: AsyncSession) -> AsyncSession:
    """A session in which 23 leaves were placed in batches of 1, 2, 4, 7 and 9."""
    await some_leaves(session, 23)
    for batch in (1, 2, 4, 7, 9):
        assert await evidence.sequence(session, RING, batch) == batch
    return session


async def test_the_heads_are_those_of_the_leaves_in_their_order(grown: AsyncSession) -> None:
    hashes = list((await grown.execute(text("SELECT leaf_hash FROM evidence_leaf ORDER BY id"))).scalars())
    for size in (1, 3, 7, 14, 23):
        head = await evidence.head_of(grown, size)
        assert head.root == root_of(hashes[:size])
        assert signature_holds(PUBLIC, head.signature, head.message())


async def test_every_leaf_is_proved_against_the_newest_head(grown: AsyncSession) -> None:
    ids = list((await grown.execute(text("SELECT id FROM evidence_leaf ORDER BY id"))).scalars())
    proofs = [await evidence.prove(grown, leaf_id) for leaf_id in ids]
    assert [proof.index for proof in proofs] == list(range(23))
    assert all(proof.holds() and proof.head.size == 23 for proof in proofs)


async def test_every_older_head_is_consistent_with_every_newer(grown: AsyncSession) -> None:
    heads = [await evidence.head_of(grown, size) for size in (1, 3, 7, 14, 23)]
    for place, old in enumerate(heads):
        for new in heads[place:]:
            path = await evidence.prove_consistency(grown, old.size, new.size)
            assert evidence.consistent(old, new, path)
    for old, new in pairwise(heads):
        assert not evidence.consistent(old, new, ())


async def test_an_untouched_log_verifies_and_another_key_does_not(grown: AsyncSession) -> None:
    assert await evidence.verify_all(grown, PUBLIC) == []
    faults = await evidence.verify_all(grown, KeyRing.generate().evidence_public_key)
    assert len(faults) == 5
    assert all("signature" in fault for fault in faults)


TAMPERING = {
    "a body": ("UPDATE evidence_leaf SET body = '{\"number\": 99}' WHERE tree_index = 5", "leaf .* is not what its hash says"),
    "a leaf's hash and body": (
        "UPDATE evidence_leaf SET body = '{}', leaf_hash = sha256('\\x007b7d'::bytea) WHERE tree_index = 5", "another root",
    ),
    "a leaf taken out": ("DELETE FROM evidence_leaf WHERE tree_index = 5", "stands at 6 where 5 is due"),
    "the last leaf taken out": ("DELETE FROM evidence_leaf WHERE tree_index = 22", "head of 23 leaves stands over a tree of 22"),
    "two leaves exchanged": (
        "UPDATE evidence_leaf SET tree_index = CASE tree_index WHEN 5 THEN -6 ELSE -5 END WHERE tree_index IN (5, 6);"
        "UPDATE evidence_leaf SET tree_index = -tree_index WHERE tree_index < 0",
        "another root",
    ),
    "a subtree": ("UPDATE evidence_node SET hash = sha256('x') WHERE level = 2 AND position = 1", "subtree 2/1"),
    "a subtree taken out": ("DELETE FROM evidence_node WHERE level = 0 AND position = 3", "subtree 0/3"),
    "a root": ("UPDATE evidence_tree_head SET root = sha256('x') WHERE size = 14", "head of 14 leaves has"),
    "a head's moment": ("UPDATE evidence_tree_head SET at = now() WHERE size = 7", "head of 7 leaves has a wrong signature"),
}  # fmt: skip


@pytest.mark.parametrize("what", TAMPERING)
async def test_a_change_by_the_owner_of_the_database_is_detected(grown: AsyncSession, what: str) -> None:
    change, fault = TAMPERING[what]
    await grown.execute(text("SET LOCAL session_replication_role = replica"))  # The owner of a database can do this.
    for statement in change.split(";"):
        await grown.execute(text(statement))
    faults = await evidence.verify_all(grown, PUBLIC)
    assert any(re.search(fault, line) for line in faults), faults


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE evidence_leaf SET body = '{}'",
        "UPDATE evidence_leaf SET tree_index = 99",
        "DELETE FROM evidence_leaf",
        "TRUNCATE evidence_leaf",
        "UPDATE evidence_node SET hash = ''",
        "DELETE FROM evidence_tree_head",
    ],
)
async def test_the_ordinary_way_to_change_the_log_is_closed(grown: AsyncSession, change: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"):
        await grown.execute(text(change))


async def test_a_leaf_without_a_place_has_no_proof_yet(session: AsyncSession) -> None:
    [leaf_id] = await some_leaves(session, 1)
    for unknown in (leaf_id, 0):
        with pytest.raises(NotFound):
            await evidence.prove(session, unknown)
    assert await evidence.newest_head(session) is None


async def test_nothing_to_place_signs_nothing(grown: AsyncSession) -> None:
    assert await evidence.sequence(grown, RING) == 0
    head = await evidence.newest_head(grown)
    assert head is not None
    assert head.size == 23


async def test_writers_and_sequencers_at_once_place_every_leaf_once(database: Database) -> None:
    """Four write, four sequence; a leaf that commits late is placed late, and none is lost or doubled."""

    async def write(writer: int) -> None:
        for number in range(15):
            async with database.transaction() as session:
                await a_leaf(session, "test.race", {"writer": writer, "number": number})

    async def place() -> int:
        placed = 0
        for _ in range(15):
            async with database.transaction() as session:
                placed += await evidence.sequence(session, RING, limit=3)
        return placed

    await asyncio.gather(*map(write, range(4)), *(place() for _ in range(4)))
    async with database.transaction() as session:
        while await evidence.sequence(session, RING):
            continue
        assert await evidence.verify_all(session, PUBLIC) == []
        raced = await session.execute(
            text("SELECT count(*), count(DISTINCT tree_index) FROM evidence_leaf WHERE what = 'test.race'")
        )
        assert tuple(raced.one()) == (60, 60)
        unplaced = await session.execute(text("SELECT count(*) FROM evidence_leaf WHERE tree_index IS NULL"))
        assert unplaced.scalar_one() == 0


async def test_a_second_sequencer_does_not_wait_for_the_first(database: Database) -> None:
    async with database.transaction() as first:
        await some_leaves(first, 1)
    async with database.transaction() as first, database.transaction() as second:
        assert await evidence.sequence(first, RING) >= 1
        assert await evidence.sequence(second, RING) == 0


async def test_a_leaf_that_is_not_what_its_hash_says_stops_no_other_and_is_shown_by_check(
    session: AsyncSession,
) -> None:
    first, last = (await some_leaves(session, 1))[0], None
    planted = "INSERT INTO evidence_leaf (what, body, leaf_hash, at) VALUES ('x', '{}', :hash, :at) RETURNING id"
    given = {"hash": b"wrong", "at": now() - timedelta(hours=1)}
    bad = (await session.execute(text(planted), given)).scalar_one()
    last = (await some_leaves(session, 1))[0]
    assert await evidence.sequence(session, RING) == 2
    assert await evidence.sequence(session, RING) == 0
    placed = text("SELECT id FROM evidence_leaf WHERE tree_index IS NOT NULL ORDER BY id")
    assert list((await session.execute(placed)).scalars()) == [first, last]
    assert await evidence.verify_all(session, PUBLIC) == []
    (kept,) = [row for row in await set_aside.listed(session) if row.loop == evidence.SEQUENCER]
    assert (kept.subject, kept.failures) == (str(bad), 1)
    shown = [one for one in await violations(session, PUBLIC) if one.invariant == "I7"]
    assert len(shown) == 1
    assert f"leaf {bad} has waited" in str(shown[0])
