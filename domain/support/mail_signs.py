"""The rules by which a mail is known as automatic, bulk, a delivery report, or our own: no machine is ever answered by ours."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from domain.support.mail import MailFlag

# Our own mark: a mail that carries it left this installation, whatever else was changed on its way.
LOOP_HEADER = "X-Cardloop-Loop"
LOOP_WINDOW = timedelta(hours=1)
LOOP_MAX = 10  # Mails of one sender to one address of ours in an hour; more are kept and not answered.

Headers = Mapping[str, Sequence[str]]  # By lower-case name.

_MACHINES = re.compile(r"(mailer-daemon|postmaster|no-?reply|do-?not-?reply|bounces?|auto-?reply)([+=_.-].*)?", re.I)
_REPORTERS = re.compile(r"(mailer-daemon|postmaster|mail-?daemon)([+=_.-].*)?", re.I)
_OUT_OF_OFFICE = re.compile(
    r"^\s*(?:(?:re|回复|答复)\s*[:：]\s*)*"
    r"(?:\[?(?:auto(?:matic)?[ -]?(?:reply|response|answer))|out of (?:the )?office|on (?:vacation|leave|holiday)\b"
    r"|[\[【(（]?(?:自动回复|自動回覆|自动答复|自动应答|系统自动回复|休假自动回复|外出自动回复|我正在休假|不在办公室))",
    re.I,
)
_UNDELIVERED = re.compile(
    r"(undeliver(?:ed|able)|delivery (?:status notification|failure|has failed)|returned mail|mail delivery (?:failed|system)"
    r"|failure notice|退信|系统退信|投递失败|无法投递|邮件未送达)",
    re.I,
)
_BULK = frozenset({"bulk", "list", "junk"})
_LIST_HEADERS = ("list-id", "list-unsubscribe", "list-post", "feedback-id")
_AUTO_HEADERS = ("x-autoreply", "x-autorespond", "x-autoresponder", "x-qq-autoreply")


def flags_of(
    headers: Headers,
    sender: str,
    subject: str,
    content_type: str,
    own: Collection[str],
    loop_mark: str,
    auth_server: str = "",
) -> frozenset[MailFlag]:
    """Return the flags of a mail by its headers.

    `content_type` is the whole header, `own` our addresses in lower case, `loop_mark` what our own mail carries.
    `auth_server` names the mail server whose Authentication-Results are believed; empty: none is.
    """
    found = {
        MailFlag.BOUNCE: _is_bounce(headers, sender, subject, content_type),
        MailFlag.AUTO_REPLY: _is_auto_reply(headers, sender, subject) or _is_receipt(content_type),
        MailFlag.LIST: _is_list(headers),
        MailFlag.OWN: is_own(sender, own) or loop_mark in _values(headers, LOOP_HEADER.lower()),
        MailFlag.UNVERIFIED: _is_unverified(headers, auth_server),
    }
    return frozenset(flag for flag, holds in found.items() if holds)


def is_own(address: str, own: Collection[str]) -> bool:
    """Return whether the address is one of ours, with or without a tag after a plus sign."""
    local, _, domain = address.casefold().rpartition("@")
    plain = f"{local.partition('+')[0]}@{domain}"
    return plain in {one.casefold() for one in own}


def loops(earlier: Iterable[datetime], now: datetime) -> bool:
    """Return whether a sender's earlier mails to one address of ours within the last hour reach the limit."""
    return sum(1 for at in earlier if now - at < LOOP_WINDOW) >= LOOP_MAX


def _is_auto_reply(headers: Headers, sender: str, subject: str) -> bool:
    submitted = _first(headers, "auto-submitted")
    return (
        (submitted != "" and not submitted.startswith("no"))
        or any(headers.get(name) for name in _AUTO_HEADERS)
        or _first(headers, "precedence") == "auto_reply"
        or _MACHINES.fullmatch(sender.rpartition("@")[0]) is not None
        or _OUT_OF_OFFICE.search(subject) is not None
    )


def _is_bounce(headers: Headers, sender: str, subject: str, content_type: str) -> bool:
    kind = content_type.casefold()
    if kind.startswith("multipart/report"):
        return not _is_receipt(content_type)
    reporter = _REPORTERS.fullmatch(sender.rpartition("@")[0]) is not None
    # The empty return path is what a mail server writes into its own reports (RFC 5321, 4.5.5).
    nobody = any(one.strip() in ("<>", "") for one in headers.get("return-path", ()))
    return (reporter or nobody) and (
        _UNDELIVERED.search(subject) is not None or bool(headers.get("x-failed-recipients"))
    )


def _is_receipt(content_type: str) -> bool:
    """A report that a mail was read, not what became of it on its way."""
    kind = content_type.casefold()
    return kind.startswith("multipart/report") and "disposition-notification" in kind


def _is_list(headers: Headers) -> bool:
    return _first(headers, "precedence") in _BULK or any(headers.get(name) for name in _LIST_HEADERS)


def _is_unverified(headers: Headers, auth_server: str) -> bool:
    """DMARC joins the other checks with the address that people see; a list or forwarder may break DKIM or SPF alone."""
    if not auth_server:
        return False
    ours = (one for one in _values(headers, "authentication-results") if _server_of(one) == auth_server.casefold())
    newest = next(ours, "")  # Our server writes its own above all that came with the mail.
    return re.search(r"\bdmarc\s*=\s*fail\b", newest) is not None


def _server_of(result: str) -> str:
    return result.partition(";")[0].split()[0] if result.partition(";")[0].split() else ""


def _values(headers: Headers, name: str) -> list[str]:
    return [one.strip().casefold() for one in headers.get(name, ())]


def _first(headers: Headers, name: str) -> str:
    return next(iter(_values(headers, name)), "").partition(";")[0].strip()
