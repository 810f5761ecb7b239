"""Support's mailbox at a mail server, over IMAP: what lies in its folder waits, what was kept is moved out of it."""

from __future__ import annotations

import asyncio
import imaplib
import re
import ssl
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from imap_tools.errors import ImapToolsError, MailboxLoginError
from imap_tools.mailbox import BaseMailBox, MailBox, MailBoxStartTls, MailBoxUnencrypted

from gateways.errors import TIMEOUT, GatewayUnavailable
from gateways.mail import Tls
from gateways.mail.wire import BYTES_MAX, HEAD_BYTES_MAX

SYSTEM = "mailbox"
ANSWER_TIMEOUT_S = 30.0
_SIZE = re.compile(rb"RFC822\.SIZE (\d+)")

T = TypeVar("T")


@dataclass(frozen=True)
class MailboxServer:
    """Where mail arrives. `folder` is read; what was kept is moved to `kept_folder`, which is made where it is missing.

    `trust` judges the server's certificate; None: by the system's authorities.
    """

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    folder: str = "INBOX"
    kept_folder: str = "Cardloop"
    tls: Tls = "tls"
    trust: ssl.SSLContext | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Waiting:
    """A mail in the folder. `number` and `generation` (UID and UIDVALIDITY) name it together.

    Of a mail over the size limit `raw` is the head and `whole` is False.
    """

    number: str
    generation: int
    raw: bytes = field(repr=False)
    whole: bool = True


class Mailbox:
    """Reads one mailbox; each call has a connection of its own, in a thread. Raises GatewayUnavailable.

    Nothing is marked as read: another program that looks at the mailbox changes nothing for us, and we nothing for it.
    """

    def __init__(self, server: MailboxServer) -> None:
        self._server = server
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mailbox")

    async def numbers(self) -> tuple[int, tuple[str, ...]]:
        """Return the folder's generation and the numbers of the mails that wait in it, oldest first."""
        return await self._run(lambda box: (self._generation(box), tuple(sorted(box.uids("ALL"), key=int))))

    async def fetch(self, generation: int, number: str) -> Waiting | None:
        """Return one mail; None when it is gone, or the server numbers its mails in another way since."""
        return await self._run(lambda box: self._fetch(box, generation, number))

    async def move(self, generation: int, numbers: Sequence[str]) -> bool:
        """Move mails that were kept out of the folder; return False, and move none, when they have other numbers by now."""
        return await self._run(lambda box: self._move(box, generation, numbers))

    def _fetch(self, box: BaseMailBox, generation: int, number: str) -> Waiting | None:
        if self._generation(box) != generation:
            return None
        size = _SIZE.search(_joined(box.client.uid("fetch", number, "(RFC822.SIZE)")))
        if size is None:
            return None
        whole = int(size[1]) <= BYTES_MAX
        wanted = "(BODY.PEEK[])" if whole else f"(BODY.PEEK[HEADER]<0.{HEAD_BYTES_MAX}>)"
        answer = box.client.uid("fetch", number, wanted)
        raw = next((part[1] for part in answer[1] if isinstance(part, tuple)), None)
        return Waiting(number, generation, raw, whole) if isinstance(raw, bytes) else None

    def _move(self, box: BaseMailBox, generation: int, numbers: Sequence[str]) -> bool:
        if self._generation(box) != generation:
            return False
        if not box.folder.exists(self._server.kept_folder):
            box.folder.create(self._server.kept_folder)
        box.move(list(numbers), self._server.kept_folder)
        return True

    def _generation(self, box: BaseMailBox) -> int:
        """By the answer to SELECT of this very connection: the numbers that follow belong to it."""
        box.folder.set(self._server.folder)
        answer = next(iter(box.client.untagged_responses.get("UIDVALIDITY", [])), None)
        return int(answer) if isinstance(answer, bytes) else 0

    async def _run(self, act: Callable[[BaseMailBox], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._connected, act)

    def _connected(self, act: Callable[[BaseMailBox], T]) -> T:
        with _answering(), self._open() as box:
            return act(box)

    @contextmanager
    def _open(self) -> Iterator[BaseMailBox]:
        server = self._server
        ways: dict[Tls, Callable[[], BaseMailBox]] = {
            "tls": lambda: MailBox(server.host, server.port, ANSWER_TIMEOUT_S, ssl_context=self._trust()),
            "starttls": lambda: MailBoxStartTls(server.host, server.port, ANSWER_TIMEOUT_S, self._trust()),
            "none": lambda: MailBoxUnencrypted(server.host, server.port, ANSWER_TIMEOUT_S),
        }
        box = ways[server.tls]()
        try:
            box.login(server.user, server.password, initial_folder=None)
            yield box
        finally:
            _close(box)

    def _trust(self) -> ssl.SSLContext:
        """Without one of its own, imaplib would believe every certificate."""
        return self._server.trust or ssl.create_default_context()


@contextmanager
def _answering() -> Iterator[None]:
    """Turn what the libraries raise into GatewayUnavailable, without the server's words: they may quote an address."""
    try:
        yield
    except MailboxLoginError:
        raise GatewayUnavailable(SYSTEM, "authentication") from None
    except TimeoutError:
        raise GatewayUnavailable(SYSTEM, TIMEOUT) from None
    except ssl.SSLError:
        raise GatewayUnavailable(SYSTEM, "certificate") from None
    except OSError:
        raise GatewayUnavailable(SYSTEM, "connection") from None
    except (ImapToolsError, imaplib.IMAP4.error):
        raise GatewayUnavailable(SYSTEM, "refused") from None


def _close(box: BaseMailBox) -> None:
    try:
        box.logout()
    except (OSError, ImapToolsError, imaplib.IMAP4.error):
        return  # The connection is gone already.


def _joined(answer: Any) -> bytes:
    """All bytes of a FETCH answer, which the library gives in pieces."""
    return b" ".join(piece for part in answer[1] for piece in (part if isinstance(part, tuple) else (part,)) if piece)
