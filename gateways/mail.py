"""Mail to people of the console, over SMTP."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Literal

import aiosmtplib

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


class MailGateway:
    """Sends plain-text mail, one connection for each."""

    def __init__(self, server: MailServer) -> None:
        self._server = server

    async def send(self, to: str, subject: str, text: str, message_key: str) -> CallRecord:
        """Sends one mail; the same `message_key` gives the same Message-ID, by which a mailbox knows a repetition.

        Raises GatewayUnavailable (try again later) or GatewayRefused(smtp_<code>), neither with an address or a text.
        """
        message = self._message(to, subject, text, message_key)
        started = time.perf_counter()
        try:
            await self._hand_over(message)
        except aiosmtplib.SMTPRecipientsRefused as refused:
            raise _judged(refused.recipients[0].code if refused.recipients else 0) from None
        except aiosmtplib.SMTPAuthenticationError:
            # Our own password: it is mended in the settings, and then the same mail can leave.
            raise GatewayUnavailable(SYSTEM, "authentication") from None
        except aiosmtplib.SMTPResponseException as answered:
            raise _judged(answered.code) from None
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

    def _message(self, to: str, subject: str, text: str, message_key: str) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self._server.sender
        message["To"] = to
        message["Subject"] = " ".join(subject.split())
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = f"<{message_key}@{self._server.sender.rpartition('@')[2] or 'cardloop'}>"
        message["Auto-Submitted"] = "auto-generated"  # No holiday answer comes back.
        message.set_content(text)
        return message


def _judged(code: int) -> GatewayUnavailable | GatewayRefused:
    word = f"smtp_{code}"
    return GatewayUnavailable(SYSTEM, word) if code < PASSING_BELOW else GatewayRefused(SYSTEM, word)


def _word(error: Exception) -> str:
    return "timeout" if isinstance(error, TimeoutError | aiosmtplib.SMTPTimeoutError) else "connection"
