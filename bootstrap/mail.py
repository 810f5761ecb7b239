"""Mail of customers, built from the settings: what reads their mailbox, what relays post to, and what answers them."""

from __future__ import annotations

from bootstrap.outside import mail_gateway
from bootstrap.settings import Settings
from bootstrap.store import photo_store
from database.session import Database
from database.tables.platform import OutboxRow
from domain.sealing import KeyRing
from gateways.mail.mailbox import Mailbox, MailboxServer
from jobs.mailbox import AT_ONCE, MailboxReader
from jobs.registry import Job
from services.finance.settlement.mailing import StatementMails
from services.notices.outbox_delivery import MailDelivery
from services.support.desk import SupportDesk
from services.support.inbound import InboundMails
from services.support.mail_door import MailDoor
from services.support.mail_identity import MailIdentity
from services.support.mailing import Mailing

MAILBOX_S = 20.0


def mail_delivery(settings: Settings, store: Database, keyring: KeyRing) -> MailDelivery | None:
    """Return what sends mail to customers; None where support has no address."""
    identity = _identity(settings)
    if identity is None:
        return None
    photos, gateway = photo_store(settings, keyring), mail_gateway(settings)
    to_customers = Mailing(SupportDesk(store, keyring, photos), gateway, identity)
    statements = StatementMails(store, keyring, photos, gateway, identity.address, identity.name)

    async def deliver(row: OutboxRow) -> None:
        """Send a row's mail by whom it goes to."""
        to_counterparty = row.destination.startswith("counterparty:")
        await (statements if to_counterparty else to_customers).deliver(row)

    return deliver


def mailbox_jobs(settings: Settings, store: Database, keyring: KeyRing) -> list[Job]:
    """Return the loop that reads the mailbox, where there is one."""
    mails = _mails(settings, store, keyring)
    if mails is None or settings.imap_host is None or settings.imap_password is None:
        return []
    server = MailboxServer(
        settings.imap_host, settings.imap_port, settings.imap_user or settings.support_mail_address or "",
        settings.imap_password.get_secret_value(), settings.imap_folder, settings.imap_kept_folder, settings.imap_tls,
    )  # fmt: skip
    return [Job("mailbox", MAILBOX_S, MailboxReader(store, Mailbox(server), mails).look, AT_ONCE)]


def mail_door(settings: Settings, store: Database, keyring: KeyRing) -> MailDoor | None:
    """Return what takes the mail that a relay posts; None without a secret by which it is known."""
    mails = _mails(settings, store, keyring)
    if mails is None or settings.inbound_mail_secrets is None:
        return None
    given = settings.inbound_mail_secrets.get_secret_value().split(",")
    return MailDoor(mails, [one.strip() for one in given if one.strip()])


def _mails(settings: Settings, store: Database, keyring: KeyRing) -> InboundMails | None:
    identity = _identity(settings)
    return (
        None
        if identity is None
        else InboundMails(SupportDesk(store, keyring, photo_store(settings, keyring)), identity)
    )


def _identity(settings: Settings) -> MailIdentity | None:
    if settings.support_mail_address is None:
        return None
    return MailIdentity(
        settings.support_mail_address,
        settings.support_mail_name,
        (settings.smtp_from,),
        settings.support_mail_auth_server or "",
        settings.support_mail_tagged,
    )
