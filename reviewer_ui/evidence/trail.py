"""The trail: every change of a card as a leaf of the evidence log, each proved against the newest signed tree head."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from database.reads.cards import card_page as cards
from database.reads.finance import office as reads
from database.repositories import evidence
from database.tables.evidence import LeafRow
from domain.evidence.log import canonical, leaf_hash
from domain.sealing import KeyRing, signature_holds
from reviewer_ui.visit import At, Shell, TrailReader, see_other, shell

router = APIRouter()
Asked = Annotated[str, Query(max_length=64)]


@dataclass(frozen=True)
class LeafView:
    """One leaf. `proved` is None while it waits for its place; False means that the log was changed."""

    what: str
    at: datetime
    index: int | None
    hash: str  # hex
    proved: bool | None
    body: str  # Canonical JSON, exactly as hashed.
    path: tuple[str, ...]  # hex, from the leaf's sibling up.


@dataclass(frozen=True)
class HeadView:
    """The newest signed tree head; `signed` says whether its signature verifies under our evidence key."""

    size: int
    root: str  # hex
    at: str
    key_id: str
    signed: bool


@dataclass(frozen=True)
class TrailContext:
    """The trail page; without a card only the tree head is shown."""

    shell: Shell
    asked: str
    card_id: str | None
    leaves: tuple[LeafView, ...]
    head: HeadView | None


@router.get("/trail")
async def show(request: Request, console: At, person: TrailReader, card: Asked = "") -> Response:
    """Show the newest tree head, and a form that asks for a card by its id or its last characters."""
    asked = card.strip().upper()
    async with console.services.database.transaction() as session:
        found = await cards.card_ids_ending(session, asked) if asked else ()
        if len(found) == 1:
            return see_other(f"/trail/{found[0]}")
        head = await _head(session, console.services.keyring)
    context = TrailContext(shell(request, person), asked, None, (), head)
    return await console.answer(request, "evidence/trail.html", context, status=404 if asked else 200)


@router.get("/trail/{card_id}")
async def of_card(request: Request, console: At, person: TrailReader, card_id: str) -> Response:
    """All leaves of one card, each with its own inclusion proof, verified while the page is made."""
    async with console.services.database.transaction() as session:
        await cards.require_card(session, card_id)
        leaves = [await _leaf(session, leaf) for leaf in await reads.leaves(session, card_id)]
        head = await _head(session, console.services.keyring)
    context = TrailContext(shell(request, person), card_id, card_id, tuple(leaves), head)
    return await console.answer(request, "evidence/trail.html", context)


async def _leaf(session: AsyncSession, leaf: LeafRow) -> LeafView:
    body = canonical(leaf.body)
    proof = await evidence.prove(session, leaf.id) if leaf.tree_index is not None and leaf.id is not None else None
    unchanged = leaf_hash(body) == leaf.leaf_hash
    return LeafView(
        what=leaf.what,
        at=leaf.at,
        index=leaf.tree_index,
        hash=leaf.leaf_hash.hex(),
        proved=None if proof is None else unchanged and proof.leaf_hash == leaf.leaf_hash and proof.holds(),
        body=body.decode(),
        path=() if proof is None else tuple(step.hex() for step in proof.path),
    )


async def _head(session: AsyncSession, keyring: KeyRing) -> HeadView | None:
    head = await evidence.newest_head(session)
    if head is None:
        return None
    signed = signature_holds(keyring.evidence_public_key, head.signature, head.message())
    return HeadView(head.size, head.root.hex(), head.at, head.key_id, signed)
