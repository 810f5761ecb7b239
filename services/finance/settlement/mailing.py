"""Statements by mail, with their files, to counterparties that have an address."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from database.sealed import COUNTERPARTY_MAIL
from database.session import Database
from database.tables.finance.settlement import CounterpartyRow, SettlementRunRow, SettlementStatementRow
from database.tables.platform import OutboxRow
from domain.identifiers import short
from domain.money import Money
from domain.places import business_day
from domain.sealing import KeyRing
from gateways.errors import GatewayUnavailable
from gateways.mail import SYSTEM, Letter, MailGateway, domain_of
from gateways.pictures.store import PhotoStore
from languages import translate
from services.finance.settlement.statement_files import MEDIA_TYPES
from services.notices.outbox_delivery import NoAddress


@dataclass(frozen=True)
class StatementMails:
    """Delivers rows of the outbox that go to a counterparty. `sender` is the address that answers go to."""

    database: Database
    keyring: KeyRing
    store: PhotoStore
    gateway: MailGateway | None
    sender: str
    sender_name: str
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def deliver(self, row: OutboxRow) -> None:
        """Send the statement of this row; repeated, it has the same Message-ID. Raises as gateways do, and NoAddress."""
        if self.gateway is None:
            raise GatewayUnavailable(SYSTEM, "not_configured")
        async with self.database.transaction() as session:
            party = await session.get(CounterpartyRow, row.destination.partition(":")[2])
            run = await session.get(SettlementRunRow, str(row.payload["run_id"]))
            version = int(row.payload["version"])
            kept = await session.get(SettlementStatementRow, (str(row.payload["run_id"]), version))
        if party is None or run is None or kept is None or party.mail_sealed is None:
            raise NoAddress
        await self.gateway.post(await self._letter(row, party, run, kept), row.id)

    async def _letter(
        self, row: OutboxRow, party: CounterpartyRow, run: SettlementRunRow, kept: SettlementStatementRow
    ) -> Letter:
        locale, files = party.language, []
        for name in (f"pdf.{locale}", f"csv.{locale}"):
            if name in kept.files:
                kind = name.partition(".")[0]
                content = await asyncio.to_thread(self.store.read, kept.files[name])
                files.append((f"settlement-{run.period}-v{kept.version}.{kind}", MEDIA_TYPES[kind], content))
        amount = Money(int(kept.content["payable"]), run.currency)
        about = {
            "name": party.name, "period": run.period, "version": kept.version, "amount": str(amount),
            "until": kept.content.get("answer_until") or business_day(self.now()), "id": short(run.id),
        }  # fmt: skip
        return Letter(
            to=COUNTERPARTY_MAIL.open(self.keyring, party.id, party.mail_sealed or b""),
            subject=translate("settlement_mail.subject", locale, about),
            text=translate("settlement_mail.text", locale, about) + "\n",
            message_id=f"{row.id}@{domain_of(self.sender)}",
            sender=self.sender,
            sender_name=self.sender_name,
            automatic="auto-generated",
            files=tuple(files),
        )
