"""A real mail server for one test module: Debian's Dovecot, started by this user on a port of its own, with its own certificate."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from imap_tools.mailbox import MailBox

from gateways.mail.mailbox import Mailbox, MailboxServer

USER, PASSWORD = "help", "a-password-of-tests"
PROGRAM = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
MISSING = "Dovecot is not installed: apt-get install dovecot-imapd"
STARTS_WITHIN_S = 20.0
_CONFIG = """
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/log
protocols = imap
listen = 127.0.0.1
mail_location = maildir:{home}/mail
default_internal_user = {internal}
default_internal_group = {internal_group}
default_login_user = {login}
first_valid_uid = 1
mail_uid = {user}
mail_gid = {group}
ssl = required
ssl_cert = <{home}/cert.pem
ssl_key = <{home}/key.pem
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={home}/mail
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {port}
  }}
}}
"""


@dataclass(frozen=True)
class ImapServer:
    """A running server with one mailbox."""

    port: int
    home: Path
    trust: ssl.SSLContext

    def mailbox(self, **more: object) -> Mailbox:
        """Return our reader of that mailbox."""
        given = {"password": PASSWORD, "trust": self.trust, **more}
        return Mailbox(MailboxServer("127.0.0.1", self.port, USER, **given))  # type: ignore[arg-type]

    @contextmanager
    def opened(self, folder: str = "INBOX") -> Iterator[MailBox]:
        """Yield the mailbox as another mail program sees it."""
        with MailBox("127.0.0.1", self.port, ssl_context=self.trust).login(USER, PASSWORD, None) as box:
            if not box.folder.exists(folder):
                box.folder.create(folder)
            box.folder.set(folder)
            yield box

    def deliver(self, raw: bytes, folder: str = "INBOX") -> None:
        """Lay a mail into the folder, as the server does with one that arrives."""
        with self.opened(folder) as box:
            box.append(raw, folder)

    def count(self, folder: str = "INBOX") -> int:
        """Return how many mails lie in the folder."""
        with self.opened(folder) as box:
            return len(box.uids())

    def empty(self) -> None:
        """Remove every folder and mail, with their numbering."""
        with self.opened() as box:
            box.delete(box.uids())
            for one in [found.name for found in box.folder.list() if found.name != "INBOX"]:
                box.folder.delete(one)


@contextmanager
def imap_server(home: Path) -> Iterator[ImapServer]:
    """Run the server until the block ends. Raise RuntimeError with its log when it does not start."""
    assert PROGRAM is not None, MISSING
    home.chmod(0o755)
    trust, port = _certificate(home), _free_port()
    config = home / "dovecot.conf"
    config.write_text(_CONFIG.format(home=home, port=port, password=PASSWORD, **_users(home)))
    server = subprocess.Popen([PROGRAM, "-F", "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await(server, port, home / "log")
        yield ImapServer(port, home, trust)
    finally:
        server.terminate()
        server.wait(STARTS_WITHIN_S)


def _users(home: Path) -> dict[str, str]:
    """As which users the server's processes run: all as this one, and of root, which owns no mail, as the package's."""
    me, internal, login = (pwd.getpwuid(os.geteuid()),) * 3
    if me.pw_uid == 0:
        me = internal = pwd.getpwnam("dovecot")
        login = pwd.getpwnam("dovenull")
    (home / "mail").mkdir()
    os.chown(home / "mail", me.pw_uid, me.pw_gid)
    return {
        "user": str(me.pw_uid), "group": str(me.pw_gid), "internal": internal.pw_name,
        "internal_group": grp.getgrgid(internal.pw_gid).gr_name, "login": login.pw_name,
    }  # fmt: skip


def _await(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < end and server.poll() is None:
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(log.read_text() if log.exists() else "Dovecot did not start")


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _certificate(home: Path) -> ssl.SSLContext:
    """Write a certificate of this server and return what believes it alone."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    (home / "cert.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (home / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return ssl.create_default_context(cafile=str(home / "cert.pem"))
