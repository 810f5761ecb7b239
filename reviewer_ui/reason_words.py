"""Reasons of the managed list as staff read and choose them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from database.tables.work import ReasonCodeRow
from domain.work.reason_codes import ReasonedAct
from domain.work.task import CameBack

Reasons = Mapping[tuple[str, str], ReasonCodeRow]
# Whose list a reason of coming back is from; those that are missing here need no reason.
ACT_OF = {
    CameBack.SNOOZE_OVER: ReasonedAct.SNOOZE,
    CameBack.RETURNED: ReasonedAct.RETURN,
    CameBack.REFUSED: ReasonedAct.REFUSE,
    CameBack.UNDELIVERED: ReasonedAct.REOPEN,
}


@dataclass(frozen=True)
class ReasonView:
    """One reason that can be chosen by its letter; `words` by locale."""

    code: str
    letter: str
    words: dict[str, str]


def reason_view(row: ReasonCodeRow) -> ReasonView:
    """Prepare a reason of the list as the page offers it."""
    return ReasonView(row.code, row.letter, {"zh_CN": row.zh, "en": row.en})


def said(reasons: Reasons, act: ReasonedAct | None, code: str, locale: str) -> str:
    """Return the words of a reason code; without an act it names its list, as `<act>:<code>`. Other text is returned unchanged."""
    listed, _, named = code.partition(":")
    known = reasons.get((act, code) if act is not None else (listed, named))
    return code if known is None else worded(known, locale)


def worded(reason: ReasonCodeRow, locale: str) -> str:
    """Return the words of a managed reason in this language."""
    return reason.zh if locale == "zh_CN" else reason.en
