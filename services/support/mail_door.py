"""Mail that a mail server posts to us as it arrives: believed by its signature, and kept once however often it comes."""

from __future__ import annotations

import time
from collections.abc import Sequence

from domain.errors.files import FileTooDemanding
from domain.errors.general import SignatureInvalid, TemporarilyUnavailable
from domain.support.mail import MailOutcome
from gateways.errors import ReportRefused
from gateways.signatures import Clock, require_signature
from services.support.inbound import InboundMails

SYSTEM = "inbound_mail"


class MailDoor:
    """`secrets` are those of the relay, two during a rotation."""

    def __init__(self, mails: InboundMails, secrets: Sequence[str], clock: Clock = time.time) -> None:
        self._mails = mails
        self._secrets = list(secrets)
        self._clock = clock

    async def receive(self, raw: bytes, signature: str | None) -> MailOutcome:
        """Keep a mail (raw MIME) with its signature header, and return what became of it. Refuses SignatureInvalid.

        Refuses TemporarilyUnavailable for a mail that took too long; its sender keeps it and sends it again.
        """
        try:
            require_signature(SYSTEM, self._secrets, raw, signature, self._clock)
        except ReportRefused as refused:
            raise SignatureInvalid(why=refused.reason) from None
        try:
            return await self._mails.take(raw)
        except FileTooDemanding:  # On a busy machine: a refusal for good would lose the mail.
            raise TemporarilyUnavailable() from None
