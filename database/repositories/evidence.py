"""The evidence log in PostgreSQL: leaves come with the change they prove; one sequencer gives them their places afterwards.

A leaf is written without a place, so that no two transactions wait for each other. `sequence` then places what is
committed, stores each subtree that became full, and signs the new head.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import structlog
from sqlalchemy import (
    ARRAY,
    BigInteger,
    BindParameter,
    Integer,
    LargeBinary,
    String,
    bindparam,
    cast,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncSession

from database.locks import AdvisoryLock, try_acquire
from database.repositories import set_aside
from database.tables.columns import now
from database.tables.evidence import LeafRow, TreeHeadRow
from domain.errors.general import NotFound
from domain.evidence import log
from domain.evidence.log import InclusionProof, Node, Span, TreeHead
from domain.sealing import KeyRing, signature_holds

SEQUENCER = "sequencer"  # Under which a leaf that cannot be placed is set aside.
BATCH = 1000
VERIFY_BATCH = 5000
_log = structlog.get_logger("evidence")

_PLACE = text(
    "UPDATE evidence_leaf SET tree_index = place FROM unnest(:ids, :places) AS placed (leaf, place)"
    " WHERE id = leaf AND tree_index IS NULL"
).bindparams(bindparam("ids", type_=ARRAY(BigInteger)), bindparam("places", type_=ARRAY(BigInteger)))
_NODE_COLUMNS: tuple[BindParameter[Any], ...] = (
    bindparam("levels", type_=ARRAY(Integer)),
    bindparam("positions", type_=ARRAY(BigInteger)),
    bindparam("hashes", type_=ARRAY(LargeBinary)),
)
_STORE = text(
    "INSERT INTO evidence_node (level, position, hash) SELECT * FROM unnest(:levels, :positions, :hashes)"
).bindparams(*_NODE_COLUMNS)
_FIND = text(
    "SELECT level, position, hash FROM evidence_node"
    " JOIN unnest(:levels, :positions) AS wanted (level, position) USING (level, position)"
).bindparams(bindparam("levels", type_=ARRAY(Integer)), bindparam("positions", type_=ARRAY(BigInteger)))
_DIFFERING = text(
    "SELECT level, position FROM unnest(:levels, :positions, :hashes) AS due (level, position, hash)"
    " LEFT JOIN evidence_node AS kept USING (level, position) WHERE kept.hash IS DISTINCT FROM due.hash"
).bindparams(*_NODE_COLUMNS)


def append(session: AsyncSession, card_id: str | None, what: str, body: Mapping[str, Any]) -> None:
    """Adds a leaf about the card, or about no card, to this transaction, for a fact that moves no card; no secret in `body`.

    A card's steps are proved by `repositories.cards.record`, which writes their leaves itself.
    """
    entry = {**body, "what": what}
    leaf = log.leaf_hash(log.canonical(entry))
    session.add(LeafRow(card_id=card_id, what=what, body=entry, leaf_hash=leaf))


async def sequence(session: AsyncSession, keyring: KeyRing, limit: int = BATCH) -> int:
    """Places up to `limit` committed leaves in the order of their ids and signs the new head; returns how many.

    A leaf that is not what its hash says gets no place: it is set aside with an alarm in the log, for `check` to show.

    0 as well when another sequencer is at work: it is doing the same.
    """
    if not await try_acquire(session, AdvisoryLock.EVIDENCE):
        return 0
    moment = now()
    unplaced = (LeafRow.tree_index.is_(None), ~set_aside.left_out(SEQUENCER, cast(LeafRow.id, String), moment))
    statement = select(LeafRow.id, LeafRow.body, LeafRow.leaf_hash).where(*unplaced).order_by(LeafRow.id).limit(limit)
    leaves = (await session.execute(statement)).all()
    sound = [leaf for leaf in leaves if _is_sound(leaf)]
    for leaf_id in sorted({leaf.id for leaf in leaves} - {leaf.id for leaf in sound}):
        _log.error("evidence_leaf_unsound", leaf=leaf_id)
        await set_aside.put(session, SEQUENCER, str(leaf_id), "the leaf is not what its hash says", moment)
    if sound:
        await _grow(session, keyring, sound)
    return len(sound)


async def newest_head(session: AsyncSession) -> TreeHead | None:
    """Return the newest signed head; None before the first leaf has its place."""
    row = (await session.execute(select(TreeHeadRow).order_by(TreeHeadRow.size.desc()).limit(1))).scalar_one_or_none()
    return None if row is None else _as_head(row)


async def head_of(session: AsyncSession, size: int) -> TreeHead:
    """Return the head that was signed at that size. Refuses NotFound."""
    row = (await session.execute(select(TreeHeadRow).where(TreeHeadRow.size == size))).scalar_one_or_none()
    if row is None:
        raise NotFound(size=size)
    return _as_head(row)


async def prove(session: AsyncSession, leaf_id: int) -> InclusionProof:
    """Prove that the leaf is in the tree of the newest head. Refuse NotFound for an unknown leaf, or one without a place yet."""
    head = await newest_head(session)
    found = await session.execute(select(LeafRow.leaf_hash, LeafRow.tree_index).where(LeafRow.id == leaf_id))
    leaf = found.one_or_none()
    if leaf is None or leaf.tree_index is None or head is None:
        raise NotFound(leaf=leaf_id)
    path = await _hashes(session, log.inclusion_spans(leaf.tree_index, head.size))
    return InclusionProof(leaf.leaf_hash, leaf.tree_index, path, head)


async def prove_consistency(session: AsyncSession, old: int, new: int) -> tuple[bytes, ...]:
    """Return the path that proves that the tree of `new` leaves begins with the tree of `old` leaves. Raises ValueError unless 0 < old <= new."""
    return await _hashes(session, log.consistency_spans(old, new))


def consistent(old: TreeHead, new: TreeHead, path: Sequence[bytes]) -> bool:
    """Return whether a path of `prove_consistency` leads from the older head's root to the newer one's."""
    return log.consistency_holds(old.size, old.root, new.size, new.root, path)


async def verify_all(session: AsyncSession, public_key: bytes) -> list[str]:
    """Recomputes everything from the leaves' bodies; every fault as one English sentence, none when the log is whole.

    Checks each placed leaf's hash and place, every stored subtree, and every head ever signed: its root and signature.
    One pass in order of place, so memory does not grow with the log beyond its heads.
    """
    heads = {row.size: row for row in (await session.execute(select(TreeHeadRow))).scalars()}
    faults = [
        f"the head of {head.size} leaves has a wrong signature"
        for head in heads.values()
        if not _signed(head, public_key)
    ]
    peaks: list[tuple[Node, bytes]] = []
    size = 0
    while batch := await _placed_from(session, size):
        nodes: dict[Node, bytes] = {}
        for leaf in batch:
            faults += _leaf_faults(leaf, size)
            nodes.update(log.grown(peaks, size, log.leaf_hash(log.canonical(leaf.body))))
            size += 1
            if size in heads:
                faults += _root_faults(heads.pop(size), log.folded(peak for _, peak in peaks))
        faults += await _node_faults(session, nodes)
    return faults + [f"the head of {head} leaves stands over a tree of {size}" for head in heads]


async def _grow(session: AsyncSession, keyring: KeyRing, leaves: Sequence[Any]) -> None:
    head = await newest_head(session)
    start = head.size if head else 0
    known = await _nodes(session, log.peaks_of(start))
    peaks = [(node, known[node]) for node in log.peaks_of(start)]
    nodes: dict[Node, bytes] = {}
    for index, leaf in enumerate(leaves, start):
        nodes.update(log.grown(peaks, index, leaf.leaf_hash))
    places = list(range(start, start + len(leaves)))
    await session.execute(_PLACE, {"ids": [leaf.id for leaf in leaves], "places": places})
    await session.execute(_STORE, _columns(nodes))
    session.add(_signed_head(keyring, start + len(leaves), log.folded(peak for _, peak in peaks)))
    await session.flush()


def _columns(nodes: Mapping[Node, bytes]) -> dict[str, list[Any]]:
    levels, positions = [level for level, _ in nodes], [position for _, position in nodes]
    return {"levels": levels, "positions": positions, "hashes": list(nodes.values())}


def _signed_head(keyring: KeyRing, size: int, root: bytes) -> TreeHeadRow:
    moment = now()
    signature = keyring.sign_evidence(log.head_message(size, moment.isoformat(), root))
    return TreeHeadRow(size=size, root=root, signature=signature, key_id=keyring.evidence_key_id, at=moment)


def _as_head(row: TreeHeadRow) -> TreeHead:
    return TreeHead(row.size, row.root, row.at.isoformat(), row.signature, row.key_id)


def _signed(row: TreeHeadRow, public_key: bytes) -> bool:
    return signature_holds(public_key, row.signature, _as_head(row).message())


async def _hashes(session: AsyncSession, spans: Sequence[Span]) -> tuple[bytes, ...]:
    nodes = await _nodes(session, [node for span in spans for node in log.nodes_of(span)])
    return tuple(log.hash_of(span, nodes) for span in spans)


async def _nodes(session: AsyncSession, wanted: Iterable[Node]) -> dict[Node, bytes]:
    pairs = list(wanted)
    values = {"levels": [level for level, _ in pairs], "positions": [position for _, position in pairs]}
    return {(level, position): digest for level, position, digest in await session.execute(_FIND, values)}


async def _placed_from(session: AsyncSession, start: int) -> Sequence[Any]:
    statement = select(LeafRow.id, LeafRow.body, LeafRow.leaf_hash, LeafRow.tree_index)
    placed = statement.where(LeafRow.tree_index >= start).order_by(LeafRow.tree_index).limit(VERIFY_BATCH)
    return (await session.execute(placed)).all()


def _is_sound(leaf: Any) -> bool:
    try:
        return bool(leaf.leaf_hash == log.leaf_hash(log.canonical(leaf.body)))
    except (TypeError, ValueError):  # A body that has no canonical form.
        return False


def _leaf_faults(leaf: Any, index: int) -> list[str]:
    faults = []
    if leaf.tree_index != index:
        faults.append(f"leaf {leaf.id} stands at {leaf.tree_index} where {index} is due")
    if not _is_sound(leaf):
        faults.append(f"leaf {leaf.id} is not what its hash says")
    return faults


def _root_faults(head: TreeHeadRow, root: bytes) -> list[str]:
    return [] if head.root == root else [f"the head of {head.size} leaves has another root than the leaves"]


async def _node_faults(session: AsyncSession, nodes: Mapping[Node, bytes]) -> list[str]:
    """Compares a batch of recomputed subtrees with the stored ones, by their hashes in one statement."""
    rows = await session.execute(_DIFFERING, _columns(nodes))
    return [f"the stored subtree {level}/{position} is not what its leaves say" for level, position in rows]
