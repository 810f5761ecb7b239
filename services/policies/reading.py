"""Published policy documents as this process decides by them: read at the start and within seconds of a publication."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.session import Database
from database.tables.policies import PolicyDocumentRow
from domain.policies.book import BOOK, PolicyBook
from domain.policies.document import PolicyDocument, PolicyKind, version_name
from domain.policies.flaws import Flaw
from domain.policies.schema import flaws_of
from domain.policies.state import PolicyState
from domain.rules.policy_kinds import KINDS

LOOK_S = 1.0  # Between two looks of a process.
_log = structlog.get_logger()


class PolicyReader:
    """Keeps a book of policies as the database has them."""

    def __init__(self, database: Database, book: PolicyBook = BOOK) -> None:
        self._database = database
        self._book = book
        self._seen: dict[str, int] = {}

    async def refresh(self) -> int:
        """Read the kinds that have a version more than at the last look; return how many. Raises DatabaseUnavailable.

        Published versions are never changed or deleted, so that their count tells whether there are new ones.
        """
        counted = (
            select(PolicyDocumentRow.kind, func.count())
            .where(PolicyDocumentRow.state == PolicyState.PUBLISHED)
            .group_by(PolicyDocumentRow.kind)
        )
        async with self._database.reading() as session:
            counts = {kind: int(number) for kind, number in await session.execute(counted)}
            changed = [code for code in KINDS if counts.get(code, 0) != self._seen.get(code, 0)]
            for code in changed:
                self._book.fill(code, await published(session, KINDS[code]))
        self._seen = counts
        return len(changed)


async def published(session: AsyncSession, kind: PolicyKind) -> list[PolicyDocument]:
    """Return the published versions of a kind that this release can use, the oldest first."""
    wanted = select(PolicyDocumentRow).where(
        PolicyDocumentRow.kind == kind.code, PolicyDocumentRow.state == PolicyState.PUBLISHED
    )
    rows = (await session.execute(wanted.order_by(PolicyDocumentRow.version))).scalars().all()
    made = (_usable(kind, row) for row in rows)
    return [one for one in made if one is not None]


def completed(kind: PolicyKind, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document with the values of fields that a newer release needs and it does not have.

    Those are the built-in values of the document's own fields, and the schema's defaults of fields further inside.
    """
    newest = max(kind.built_in(), key=lambda one: one.effective_from).document
    missing = {name: newest[name] for name in kind.schema["required"] if name not in document and name in newest}
    whole: dict[str, Any] = kind.completed({**missing, **document})
    return whole


def document_of(kind: PolicyKind, row: PolicyDocumentRow) -> PolicyDocument:
    """Return a saved version as a document, whatever its state."""
    document = completed(kind, row.document)
    return PolicyDocument(kind.code, row.version, version_name(kind.code, row.version), row.effective_from, document)


def _usable(kind: PolicyKind, row: PolicyDocumentRow) -> PolicyDocument | None:
    """The version as this release reads it; None, and an error in the log, where it cannot."""
    saved = document_of(kind, row)
    flaws: list[Flaw] = list(flaws_of(kind.schema, saved.document))
    if flaws:
        _log.error("policy_unusable", kind=row.kind, version=row.version, flaws=len(flaws))
        return None
    return saved
