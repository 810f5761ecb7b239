"""A payee account: what it must look like on each rail, how it is shown and how it is counted."""

from __future__ import annotations

import re
import unicodedata

from domain.errors.general import FieldInvalid
from domain.finance.banks import BANK_ACCOUNT
from domain.finance.rails import Rail
from domain.sealing import KeyRing

LENGTH_MAX = 100
# What each rail knows people by. Visible ASCII, since a look-alike letter would pay another person: Alipay takes a mobile
# number, written with or without its country, or an e-mail address; WeChat Pay an openid; a bank a number and its name.
ACCOUNTS = {
    Rail.ALIPAY: re.compile(r"\+?[0-9][0-9 -]{4,}[0-9]|[!-?A-~]+@[!-?A-~]+\.[!-?A-~]+"),
    Rail.WECHAT: re.compile(r"[A-Za-z0-9_-]{20,64}"),
    Rail.BANK: BANK_ACCOUNT,
}
_NO_LETTER = frozenset({"Cc", "Cs", "Zl", "Zp"})
_UNSEEN = _NO_LETTER | {
    "Cf",
    "Zs",
}  # Private and unassigned code points are not: rare family names are written with them.
_TURNS_TEXT = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)  # Shows another name than it is.


def require_payee(account: str, name: str, rail: Rail = Rail.ALIPAY) -> None:
    """Refuses (FieldInvalid) an account that the rail cannot know, or a name that cannot be one."""
    if len(account) > LENGTH_MAX or not ACCOUNTS[rail].fullmatch(account) or not _is_plain(account):
        raise FieldInvalid(field="payee_account", why="characters" if rail is Rail.ALIPAY else f"of_{rail.value}")
    if not _is_name(name):
        raise FieldInvalid(field="payee_name", why="characters")


def _is_plain(text: str) -> bool:
    return not {unicodedata.category(letter) for letter in text} & (_NO_LETTER | {"Cf"}) and not set(text) & _TURNS_TEXT


def _is_name(name: str) -> bool:
    kinds = {unicodedata.category(letter) for letter in name}
    return len(name) <= LENGTH_MAX and bool(kinds - _UNSEEN) and not kinds & _NO_LETTER and not set(name) & _TURNS_TEXT


def payee_index_of(keyring: KeyRing, account: str) -> str:
    """Return a keyed hash of the account, by which payments to one payee are counted."""
    return keyring.index(account.lower(), purpose="payee")


def masked_account(account: str) -> str:
    """Mask a payee for display: `138****0021`, `li***@example.com`, `622****2233 中国工商银行`."""
    if (found := BANK_ACCOUNT.fullmatch(account)) is not None:
        return f"{found[1][:3]}****{found[1][-4:]} {found[2]}"
    name, at, host = account.partition("@")
    if at:
        return f"{name[:2]}***@{host}"
    return f"{account[:3]}****{account[-4:]}" if len(account) > 7 else "****"
