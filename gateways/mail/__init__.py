"""Mail to people of the console and to customers, over SMTP."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from typing import Literal

import aiosmtplib

from domain.support.mail_signs import LOOP_HEADER
from gateways.calls import CallRecord
from gateways.errors import GatewayRefused, GatewayUnavailable

SYSTEM = "mail"
ANSWER_TIMEOUT_S = 10.0  # For the connection and for each answer.
PASSING_BELOW = 500  # SMTP: 4xx may change, 5xx will not.

Tls = Literal["none", "starttls", "tls"]


@dataclass(frozen=True)
class MailServer:
    """Where mail leaves. `tls`: from the first byte, upgraded (starttls), or none for a server on the same machine."""

    host: str
    port: int
    sender: str  # The address that mail is from.
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Tls = "starttls"


@dataclass(frozen=True)
class Letter:
    """A mail to one receiver. Ids have no angle brackets; `files` are names with media type and bytes.

    `automatic` is what Auto-Submitted says: empty for the words of a person.
    """

    to: str
    subject: str
    text: str = field(repr=False)
    message_id: str
    sender: str = ""  # The address that it is from; empty: the server's usual one.
    sender_name: str = ""
    reply_to: str = ""
    references: tuple[str, ...] = ()  # The mails before it in their conversation, the newest last.
    automatic: Literal["", "auto-generated", "auto-replied"] = ""
    mark: str = ""  # By which mail of ours is known when it comes back.
    files: tuple[tuple[str, str, bytes], ...] = ()


class MailGateway:
    """Sends plain-text mail, one connection for each."""

    def __init__(self, server: MailServer) -> None:
        self._server = server

    async def send(self, to: str, subject: str, text: str, message_key: str) -> CallRecord:
        """Sends one mail; the same `message_key` gives the same Message-ID, by which a mailbox knows a repetition.

        Raises GatewayUnavailable (try again later) or GatewayRefused(smtp_<code>), neither with an address or a text.
        """
        sender = self._server.sender
        message_id = f"{message_key}@{domain_of(sender)}"
        # No holiday answer comes back.
        letter = Letter(to, subject, text, message_id, automatic="auto-generated")
        return await self.post(letter, message_key)

    async def post(self, letter: Letter, message_key: str) -> CallRecord:
        """Sends one letter; raises as `send`. `perhaps_done`: the server may have taken it, and it may arrive twice if repeated."""
        message = self._message(letter)
        started = time.perf_counter()
        try:
            await self._hand_over(message)
        except aiosmtplib.SMTPRecipientsRefused as refused:
            raise _judged(refused.recipients[0].code if refused.recipients else 0) from None
        except aiosmtplib.SMTPAuthenticationError:
            # Our own password: once the settings are corrected, the same mail can be sent.
            raise GatewayUnavailable(SYSTEM, "authentication") from None
        except aiosmtplib.SMTPResponseException as answered:
            raise _judged(answered.code) from None
        except (aiosmtplib.SMTPConnectError, aiosmtplib.SMTPConnectTimeoutError) as error:
            raise GatewayUnavailable(SYSTEM, _word(error)) from None
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise GatewayUnavailable(SYSTEM, _word(error), perhaps_done=True) from None
        latency_ms = int((time.perf_counter() - started) * 1000)
        return CallRecord(SYSTEM, "send", message_key, 0, latency_ms)

    async def _hand_over(self, message: EmailMessage) -> None:
        server = self._server
        await aiosmtplib.send(
            message,
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            use_tls=server.tls == "tls",
            start_tls=server.tls == "starttls",
            timeout=ANSWER_TIMEOUT_S,
        )

    def _message(self, letter: Letter) -> EmailMessage:
        message = EmailMessage()
        sender = letter.sender or self._server.sender
        message["From"] = formataddr((letter.sender_name, sender)) if letter.sender_name else sender
        message["To"] = letter.to
        message["Subject"] = " ".join(letter.subject.split())
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = f"<{letter.message_id}>"
        if letter.reply_to:
            message["Reply-To"] = letter.reply_to
        if letter.references:
            message["In-Reply-To"] = f"<{letter.references[-1]}>"
            message["References"] = " ".join(f"<{one}>" for one in letter.references)
        if letter.automatic:
            message["Auto-Submitted"] = letter.automatic
        if letter.mark:
            message[LOOP_HEADER] = letter.mark
        message.set_content(letter.text)
        for name, media_type, content in letter.files:
            kind, _, detail = media_type.partition("/")
            message.add_attachment(content, maintype=kind, subtype=detail, filename=name)
        return message


def domain_of(address: str) -> str:
    """Return the domain of an address, for ids of mails that leave from it."""
    return address.rpartition("@")[2] or "cardloop"


def _judged(code: int) -> GatewayUnavailable | GatewayRefused:
    word = f"smtp_{code}"
    return GatewayUnavailable(SYSTEM, word) if code < PASSING_BELOW else GatewayRefused(SYSTEM, word)


def _word(error: Exception) -> str:
    return "timeout" if isinstance(error, TimeoutError | aiosmtplib.SMTPTimeoutError) else "connection"
