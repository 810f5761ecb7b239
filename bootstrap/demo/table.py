"""The live table of the demo: one line per card, in the language of the terminal."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from rich import box
from rich.table import Table

from bootstrap.demo.partner import Seen
from bootstrap.demo.samples import Sample
from bootstrap.demo.verdict import Judged, Verdict
from bootstrap.words import say, speaks_chinese
from domain.cards.card import Stage, WaitingFor
from domain.money import Money
from languages import label

# Pricing takes a blink and is shown as verification.
SHOWN = (Stage.INTAKE, Stage.READING, Stage.VERIFICATION, Stage.REVIEW, Stage.OFFER, Stage.PAYOUT)
AT: dict[Stage | None, Stage] = {Stage.PRICING: Stage.VERIFICATION}
MARKS = {Verdict.RIGHT: "[green]✓[/green]", Verdict.WRONG: "[red]✗[/red]", Verdict.OPEN: "…"}


@dataclass(frozen=True)
class Line:
    """What is known of one card at this moment; `trouble` is what the last try to act for it met."""

    sample: Sample
    seen: Seen | None
    stages: tuple[Stage, ...]
    judged: Judged
    trouble: str


def locale() -> str:
    """Return the language of the terminal, as the catalogues name it."""
    return "zh_CN" if speaks_chinese(os.environ) else "en"


def table(lines: list[Line]) -> Table:
    """All cards: photo, face value, the stages in order, the quote, and how it ended or whom it waits for."""
    caption = "●●● " + " › ".join(label(stage, locale()) for stage in SHOWN)
    shown = Table(caption=caption, caption_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0))
    shown.add_column(say("照片", "photo"), no_wrap=True)
    shown.add_column(say("面值", "face"), justify="right", no_wrap=True)
    shown.add_column(say("阶段", "stages"), no_wrap=True)
    shown.add_column(say("报价", "quote"), justify="right", no_wrap=True)
    shown.add_column("")
    shown.add_column(say("现在", "now"))
    for line in lines:
        quote = str(Money(line.seen.quote.amount_minor)) if line.seen and line.seen.quote else ""
        photo = line.sample.photo.removesuffix(".jpg")
        path = "".join(mark(line, stage) for stage in SHOWN)
        shown.add_row(photo, str(line.sample.face), path, quote, MARKS[line.judged.verdict], now(line))
    return shown


def mark(line: Line, stage: Stage) -> str:
    """Return a sign that says whether the card went through the stage, or is in it."""
    at = line.seen.stage if line.seen else None
    if AT.get(at, at) is stage:
        return "[yellow]▸[/yellow]"
    return "●" if stage in line.stages else "·"


def now(line: Line) -> str:
    """How the card ended, or whom it waits for until when, with whatever is wrong."""
    seen = line.seen
    if seen is None:
        said = say("未提交", "not submitted")
    elif line.judged.verdict is Verdict.RIGHT and line.judged.why:
        said = ""  # The reason says it all.
    elif seen.outcome is not None:
        said = label(seen.outcome, locale()) + (f" ({seen.reason})" if seen.reason else "")
    else:
        said = waits_for(seen)
    return " · ".join(part for part in (said, line.judged.why, line.trouble) if part)


def waits_for(seen: Seen) -> str:
    """Stage, party and deadline of a card on its way."""
    party = "" if seen.waiting_for is WaitingFor.MACHINE else f", {PARTIES[seen.waiting_for]()}"
    until = f" ({say('至', 'until')} {datetime.fromisoformat(seen.until).astimezone():%H:%M})" if seen.until else ""
    return f"{label(seen.stage, locale())}{party}{until}"


# The catalogue addresses the seller ("waiting for you"); here an onlooker reads it.
PARTIES: dict[WaitingFor, Callable[[], str]] = {
    WaitingFor.NOBODY: lambda: say("已结束", "ended"),
    WaitingFor.SELLER_FIELDS: lambda: say("等卖家核对", "the seller's check"),
    WaitingFor.SELLER_CODE: lambda: say("等卖家输入验证码", "the seller's one-time code"),
    WaitingFor.SELLER_ITEM: lambda: say("等卖家补交", "one item from the seller"),
    WaitingFor.SELLER_OFFER: lambda: say("等卖家答复报价", "the seller's answer"),
    WaitingFor.REVIEWER: lambda: say("等复核员", "a reviewer"),
    WaitingFor.OUTLET: lambda: say("等网点确认", "the outlet"),
    WaitingFor.ISSUER: lambda: say("等发卡方恢复", "the issuer"),
    WaitingFor.SELLER_PAYEE: lambda: say("等卖家更正收款人", "another payee from the seller"),
    WaitingFor.SELLER_CONFIRM: lambda: say("等卖家确认收款", "the seller's confirmation of the transfer"),
    WaitingFor.GATEWAY: lambda: say("等支付渠道结果", "the payment channel"),
    WaitingFor.BANK: lambda: say("等银行处理", "the bank"),
}
