"""Statements as they really come: recognised by their content, read line by line, whatever their size."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from domain.errors.finance import StatementEncodingWrong, StatementKindUnknown, StatementUnreadable
from domain.finance.statements import StatementSource
from gateways.statements.alipay import ENCODING, TITLE, AlipayStatement, list_in
from gateways.statements.bank import BANKS, bank_formats
from gateways.statements.described import Described, DescribedStatement
from gateways.statements.issuer import invoice_formats
from gateways.statements.lines import StatementReader
from gateways.statements.wechat import FIRST_COLUMN, WechatStatement

_HEAD_BYTES = 4096
_ZIP = b"PK\x03\x04"
# Encodings in which a file that was opened and saved again may come.
_OTHERS = ("utf-8-sig", "gb18030", "utf-16")


def opened(
    content: IO[bytes], accounts: Mapping[StatementSource, Sequence[str]], banks: Path = BANKS
) -> StatementReader:
    """Return a reader for the file, which is seekable and at its beginning.

    `accounts` are ours at each source; a format that names no account is read by them. `banks` is the folder of the
    described formats of banks. Raises StatementKindUnknown,
    StatementEncodingWrong, StatementUnreadable, StatementTooLarge and StatementTruncated.
    """
    head = content.read(_HEAD_BYTES)
    content.seek(0)
    if not head:
        raise StatementUnreadable(why="empty")
    if head.startswith(_ZIP):
        return AlipayStatement(list_in(content))
    if _first_line(head, ENCODING).startswith(TITLE):
        return AlipayStatement(content)
    if _first_line(head, "utf-8-sig").startswith(FIRST_COLUMN):
        return WechatStatement(content, accounts[StatementSource.WECHAT])
    described = (*bank_formats(banks), *invoice_formats())
    alike = [(one, first) for one in described if one.heads(first := _first_line(head, one.form["encoding"]))]
    for one, _ in sorted(alike, key=lambda found: not found[0].is_of(found[1])):  # A bank's accounts may begin alike.
        return DescribedStatement(content, one)
    _require_no_other_encoding(head, described)
    raise StatementKindUnknown(seen="")


def _require_no_other_encoding(head: bytes, described: Sequence[Described]) -> None:
    """Raise StatementEncodingWrong for a file of a known kind that was saved in another encoding."""
    for encoding in _OTHERS:
        first = _first_line(head, encoding)
        if first.startswith(TITLE):
            raise StatementEncodingWrong(expected="GBK")
        if first.startswith(FIRST_COLUMN):
            raise StatementEncodingWrong(expected="UTF-8")
        for one in described:
            if first and one.heads(first):
                raise StatementEncodingWrong(expected=str(one.form["encoding"]))


def _first_line(head: bytes, encoding: str) -> str:
    """The first line in this encoding; empty where it is not written in it."""
    try:
        text = io.TextIOWrapper(io.BytesIO(head), encoding=encoding, errors="replace").readline().rstrip("\r\n")
    except UnicodeError:
        return ""
    return "" if "\ufffd" in text else text
