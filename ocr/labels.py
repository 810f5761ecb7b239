"""The words printed beside a value, Chinese and English, and which value stands beside each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.cards.reading import Box
from ocr import misread
from ocr.lines import Row, Span

REACH = 14.0  # How far right of an empty label its value may stand, in heights of the label.


class Label(StrEnum):
    """What a printed label announces."""

    NUMBER = "number"  # 卡号
    CODE = "code"  # 卡密: the number of a brand without PIN, the PIN of others.
    PIN = "pin"  # 密码
    FACE_VALUE = "face_value"  # 面值
    EXPIRY = "expiry"  # 有效期
    OTHER = "other"  # Hotline and the like: digits that are none of ours.


# Small print loses a letter, and a colon becomes one: `{s<=1}` allows one misread letter in a word long enough to stay itself.
_WORDS = {
    Label.CODE: r"卡\s*密|兑\s*换\s*码|充\s*值\s*码|(?:CLAIM|GIFT|REDEMPTION|REDEEM)\s*CODE|(?<![A-Z])CODE(?![A-Z])"
    r"|(?<![A-Z])(?:CLAIM\s?CODE|REDEEM\s?CODE){i<=1,s<=1}(?![A-Z])|(?<![A-Z])(?:CODE){s<=1}(?=\s*:)",
    Label.OTHER: r"客\s*服(?:\s*热\s*线|\s*电\s*话)?|热\s*线|电\s*话|(?<![A-Z])TEL(?![A-Z])|HOTLINE|CALL(?![A-Z])|批\s*[次号]"
    r"|(?:订|交\s*易|流\s*水|小\s*票|终\s*端)\s*(?:单\s*)?(?:编\s*)?号|[序工型桌机单]\s*号"
    r"|门\s*店|收\s*银|实\s*付|找\s*零|条\s*码|(?<![A-Z])(?:S/?N|SERIAL|ORDER|BATCH|LOT)(?![A-Z])",
    Label.NUMBER: r"卡\s*片?\s*号\s*码?|券\s*号|CARD\s*(?:NO|N0|NUMBER|#)|(?<![A-Z])N[O0](?=[.:,])"
    r"|(?<![A-Z])(?:CARD\s?NUMBER){s<=1}(?![A-Z])|(?<!\S)卡(?=\s*:)|(?<!\S)[^\s\w]?[\u4e00-\u9fff*]号(?=\s*:?\s*[0-9A-Z])",
    Label.PIN: r"(?:支\s*付\s*)?密\s*码|安\s*全\s*码|(?<![A-Z])P\.?[I1|]\.?N\.?(?:[I1L|](?=\s))?(?![A-Z])(?:\s*CODE)?|PASSWORD"
    r"|(?<!\S)(?:密[\u4e00-\u9fff]|(?![券串卡编邮区代])[\u4e00-\u9fff]码)(?=\s*:)",
    Label.FACE_VALUE: r"面\s*[值额]|金\s*额|(?:FACE|CARD)?\s*VALUE(?![A-Z])|AMOUNT",
    Label.EXPIRY: r"有\s*效\s*(?:日\s*)?期\s*[至限到]?|到\s*期\s*日?|截\s*止\s*日\s*期"
    r"|(?:VALID|GOOD)\s*(?:THRU|THROUGH|UNTIL|TO)|(?<![A-Z])(?:VALID\s?THRU){s<=1}(?![A-Z])"
    r"|(?<![A-Z])EXP(?:IRES|IRY|IRATION)?(?![A-Z])\.?(?:\s*DATE)?",
}
_LABELS = misread.compiled(
    "|".join(f"(?P<{label.value}>{words})" for label, words in _WORDS.items()),
)
_AFTER_LABEL = re.compile(r"[\s:.#\-]*")


@dataclass(frozen=True)
class Segment:
    """A piece of print with the label that announces it, if any."""

    label: Label | None
    span: Span


def segments(rows: Sequence[Row]) -> list[Segment]:
    """All print cut at its labels; a label with nothing behind it takes what stands right of it or below."""
    return [segment for row in rows for segment in _cut(row, rows)]


def _cut(row: Row, rows: Sequence[Row]) -> list[Segment]:
    found = list(_LABELS.finditer(row.text))
    starts = [match.start() for match in found] + [len(row.text)]
    before = row.span(0, starts[0])
    cut = [Segment(None, before)] if before.text.strip() else []
    for match, end in zip(found, starts[1:], strict=True):
        start = _value_start(row.text, match.end())
        label = Label(str(match.lastgroup))
        beside = row.span(start, end)
        span = beside if beside.text.strip() else _nearby(row.span(match.start(), match.end()).box, row, rows)
        if span is not None:
            cut.append(Segment(label, span))
    return cut


def _value_start(text: str, label_end: int) -> int:
    match = _AFTER_LABEL.match(text, label_end)
    return label_end if match is None else match.end()


def _nearby(label: Box, own: Row, rows: Sequence[Row]) -> Span | None:
    """The unlabelled print nearest to the right of the label, else nearest below it."""
    free = [row for row in rows if row is not own and not _LABELS.match(row.text)]
    right = [row for row in free if _is_right_of(row.box, label)]
    below = [row for row in free if _is_below(row.box, label)]
    nearest = min(right, key=lambda row: row.box.x, default=None) or min(below, key=lambda row: row.box.y, default=None)
    return None if nearest is None else nearest.span(0, len(nearest.text))


def _is_right_of(box: Box, label: Box) -> bool:
    middle = box.y + min(box.height, box.width) / 2  # Of print that stands, its beginning.
    return label.y <= middle <= label.bottom and 0 <= box.x - label.right <= REACH * label.height


def _is_below(box: Box, label: Box) -> bool:
    return 0 <= box.y - label.y <= 2.5 * label.height and box.x < label.right and label.x < box.right
