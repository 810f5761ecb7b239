"""The name of a seller as a person of finance verified it by a document: payees are compared with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from database.repositories.audit import by_person
from database.sealed import VERIFIED_NAME
from database.session import Database
from database.tables.finance.routing import PayoutWaitRow, VerifiedNameRow
from domain.errors.general import FieldInvalid, NotFound
from domain.identifiers import new_id
from domain.people.roles import NAME_CHARACTERS_MAX, Permission
from domain.sealing import KeyRing
from domain.typed import plain_name
from services.finance.rail_switches import required_reason
from services.finance.routing import SELLER
from services.finance.second_person import stranger
from services.people.permissions import require
from services.work.secret_scan import require_no_number


class VerifiedNames:
    """Keeps names of sellers, sealed; the newest counts."""

    def __init__(
        self, database: Database, keyring: KeyRing, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._now = now

    async def keep(self, person: str, key: str, name: str, how: str) -> None:
        """Keep the verified name of the seller whose payment of this key waits; `how` says by what it was verified.

        Refuses NotAllowed, NotFound, FieldInvalid (`name`, `how`), SecretInWords, and OwnWork to people on the seller's side.
        """
        said, by = plain_name(name), required_reason(how, "how")
        if not said or len(said) > NAME_CHARACTERS_MAX or not said.isprintable():
            raise FieldInvalid(field="name", why="missing" if not said else "malformed")
        require_no_number(by)
        async with self._database.transaction() as session:
            await require(session, person, Permission.RELEASE_PAYMENTS)
            wait = await session.get(PayoutWaitRow, key[:80])
            if wait is None or not wait.owner.startswith(SELLER):
                raise NotFound(payout=key[:80])
            await stranger(session, self._keyring, person, wait.owner, wait.card_id, self._now())
            row_id = new_id()
            sealed = VERIFIED_NAME.seal(self._keyring, row_id, said)
            session.add(
                VerifiedNameRow(
                    id=row_id, owner=wait.owner, name_sealed=sealed, how=by, verified_by=person, verified_at=self._now()
                )
            )
            session.add(by_person(person, "console:seller:verify_name", wait.owner, reason=by))
