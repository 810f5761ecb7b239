"""Faces of invented cards in many layouts: where labels stand, what else is printed, which fonts and printers made it."""

from __future__ import annotations

import random
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

from PIL import Image, ImageDraw

from domain.cards.reading import FieldName
from domain.money import Currency
from domain.rules.brands import Brand, brand
from photo_set import printing
from samples.fresh import number_of, run_of

SIZE = (1000, 630)  # Pixels; the shape of an ISO 7810 card.
BODIES = [("#c91623", "white"), ("#0a6fd1", "white"), ("#f4f6fb", "#0b3f91"), ("#0c6b49", "white"), ("#20242e", "#f3d9a0"),
         ("#f7e7c4", "#7a2413"), ("#f2f2f0", "#14181f"), ("#5b3a8c", "#ffffff"), ("#fffaf0", "#333333")]  # fmt: skip
_NUMBER = ("卡号", "卡号：", "Card No.", "Card Number:", "NO.")
_CODE = ("卡密", "卡密：", "兑换码：", "Code:", "Claim Code")
_PIN = ("密码", "密码：", "PIN", "PIN:", "安全码：")


@dataclass(frozen=True)
class Printed:
    """What is printed on a card, as `Reading` writes it."""

    brand: str
    number: str
    pin: str | None
    face_value: str
    expiry: str | None

    def has(self, name: FieldName) -> bool:
        """Return whether the card carries this secret."""
        return self.pin is not None if name is FieldName.PIN else True

    def is_printed(self, name: FieldName, value: str) -> bool:
        """Return whether the value is the printed one."""
        return value == (self.pin if name is FieldName.PIN else self.number)


def invented(dice: random.Random, code: str) -> Printed:
    """Make up what a card of the brand could carry. Its number and PIN belong to nobody."""
    known = brand(code)
    amount = dice.choice([100, 200, 300, 500, 1000])
    last = date(2027, 1, 1) + timedelta(days=dice.randrange(1200))
    if dice.random() < 0.4:
        last = last.replace(day=monthrange(last.year, last.month)[1])
    expiry = None if dice.random() < 0.2 else last.isoformat()
    pin = run_of(known.pin, dice) if known.pin else None
    return Printed(code, number_of(known, dice), pin, f"{amount}.00 {known.currency.value}", expiry)


def card(
    printed: Printed,
    dice: random.Random,
    printer: printing.Printer = printing.ink,
    *,
    decoys: int = 0,
    size: int = 0,
    silver: float = 0.0,
    upright_pin: str = "",
    own_colours: bool = False,
) -> Image.Image:
    """Draw a plastic card as RGBA.

    `decoys` is how many pieces of print could be taken for a number, `size` that of the number in pixels, `silver` how much of it the
    coin left on a part of the PIN (0..1), `upright_pin` how a PIN at the edge runs: `down`, `up` or `stacked`. With `own_colours` the card has
    the first colour of its brand's `colours`, which must not be empty, instead of any of BODIES, and no word that names the brand.
    """
    known, (body, colour) = brand(printed.brand), dice.choice(BODIES)
    if own_colours:
        body, colour = known.colours[0], "white"
    drawn = Image.new("RGB", SIZE, body)
    pen = ImageDraw.Draw(drawn)
    _ornaments(pen, dice, colour)
    _title(pen, known, printed, dice, colour, named=not own_colours)
    size = size or dice.choice([40, 44, 50])
    top = dice.choice([210, 240, 270])
    if decoys:
        _decoys(pen, dice, colour, top, decoys)
    bottom = _value(
        drawn,
        pen,
        dice,
        _CODE if known.pin is None else _NUMBER,
        grouped(known, printed.number, dice),
        (colour, size, top),
        printer,
    )
    if printed.pin and upright_pin:
        _pin_at_edge(drawn, printed.pin, dice, colour, upright_pin)
    elif printed.pin:
        _scratch_panel(drawn, printed.pin, dice, colour, bottom + 20, size, silver)
    _expiry(pen, printed, dice, colour)
    pen.text((56, 590), "客服热线 400-820-1617  本卡不记名、不挂失", colour, printing.chinese(20, bold=False))
    drawn.putalpha(_rounded())
    return drawn


def grouped(known: Brand, number: str, dice: random.Random) -> str:
    """Space a number as its brand prints it, with dashes where it has letters and, at times, not at all."""
    if dice.random() < 0.2:
        return number
    spaced = known.grouped(number)
    return spaced.replace(" ", "-") if "A-Z" in known.number and dice.random() < 0.6 else spaced


def _ornaments(pen: ImageDraw.ImageDraw, dice: random.Random, colour: str) -> None:
    for _ in range(dice.randrange(1, 4)):
        x, y, radius = dice.randrange(500, 1000), dice.randrange(0, 300), dice.randrange(60, 260)
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), outline=colour, width=2)


def _title(
    pen: ImageDraw.ImageDraw, known: Brand, printed: Printed, dice: random.Random, colour: str, *, named: bool
) -> None:
    name = (
        known.names[dice.choice(["zh_CN", "en"])]
        if known.currency is Currency.CNY
        else f"{known.code.split('-')[0]} gift card"
    )
    pen.text((56, 44), name if named else "礼品卡", colour, printing.chinese(dice.choice([48, 60])))
    amount, currency = printed.face_value.split(".")[0], known.currency
    written = (
        f"${amount}" if currency is Currency.USD else dice.choice([f"¥{amount}", f"面值 {amount}元", f"{amount}元"])
    )
    pen.text((944, 60), written, colour, printing.chinese(dice.choice([44, 64])), anchor="ra")


def _value(
    drawn: Image.Image, pen: ImageDraw.ImageDraw, dice: random.Random, labels: tuple[str, ...], value: str, style: tuple[str, int, int],
    printer: printing.Printer,
) -> int:  # fmt: skip
    """Print a label and its value beside or below it; return where the next print may begin."""
    colour, size, top = style
    label, left = dice.choice(labels), dice.choice([56, 70])
    if dice.random() < 0.5:
        beside = printing.chinese(size * 3 // 4)
        pen.text((left, top + size // 5), label, colour, beside)
        start = left + round(beside.getlength(label)) + 24
        size = min(
            size, round(size * (SIZE[0] - 30 - start) / max(1, printing.width_of(value, size, "DejaVuSansMono-Bold")))
        )
        printer(drawn, (start, top), value, colour, size, dice)
        return top + size * 2
    pen.text((left, top), label, colour, printing.chinese(size * 2 // 3))
    top += size
    size = min(
        size, round(size * (SIZE[0] - 30 - left) / max(1, printing.width_of(value, size, "DejaVuSansMono-Bold")))
    )
    printer(drawn, (left, top), value, colour, size, dice)
    return top + size * 2


def _scratch_panel(
    drawn: Image.Image, pin: str, dice: random.Random, colour: str, top: int, size: int, silver: float
) -> None:
    pen = ImageDraw.Draw(drawn)
    label = dice.choice(_PIN)
    face = printing.chinese(size * 3 // 4)
    pen.text((60, top + 6), label, colour, face)
    left = 84 + round(face.getlength(label))
    wide = printing.width_of(pin, size, "DejaVuSansMono-Bold") + 50
    pen.rounded_rectangle((left, top, left + wide, top + size + 26), 6, fill="#e9e6dd")
    pen.text((left + 24, top + 8), pin, "#20242b", printing.latin("DejaVuSansMono-Bold", size))
    if silver:  # Stripes of it are still there, over one to three characters.
        first = dice.randrange(0, len(pin) - 1)
        hidden = left + 20 + round((wide - 50) * first / len(pin))
        for step in range(0, round((wide - 50) * dice.choice([1, 2, 3]) / len(pin)), 8):
            pen.line(
                (hidden + step, top + dice.randrange(0, 14), hidden + step + 9, top + size + 20),
                fill="#8d9097",
                width=1 + round(5 * silver),
            )
    for step in range(0, wide, 9):  # What the coin left of the silver.
        pen.rectangle((left + step, top, left + step + 9, top + dice.randrange(3, 12)), fill="#8d9097")
        pen.rectangle(
            (left + step, top + size + 26 - dice.randrange(3, 12), left + step + 9, top + size + 26), fill="#8d9097"
        )


def _pin_at_edge(drawn: Image.Image, pin: str, dice: random.Random, colour: str, runs: str) -> None:
    """Print the PIN along the right edge: downwards, upwards, or one character below the other."""
    size = 40
    face = printing.latin("DejaVuSansMono-Bold", size)
    label = dice.choice(_PIN)
    ImageDraw.Draw(drawn).text((900, 338), label, colour, printing.chinese(26), anchor="ma")
    if runs == "stacked":
        panel = Image.new("RGB", (64, len(pin) * 27 + 12), "#e9e6dd")
        for place, character in enumerate(pin):
            ImageDraw.Draw(panel).text(
                (20, 6 + 27 * place), character, "#20242b", printing.latin("DejaVuSansMono-Bold", 28)
            )
    else:
        panel = Image.new("RGB", (printing.width_of(pin, size, "DejaVuSansMono-Bold") + 32, size + 24), "#e9e6dd")
        ImageDraw.Draw(panel).text((16, 8), pin, "#20242b", face)
        panel = panel.transpose(Image.Transpose.ROTATE_270 if runs == "down" else Image.Transpose.ROTATE_90)
    drawn.paste(panel, (868, 376))


def _expiry(pen: ImageDraw.ImageDraw, printed: Printed, dice: random.Random, colour: str) -> None:
    if printed.expiry:
        pen.text((56, 545), expiry_text(date.fromisoformat(printed.expiry), dice), colour, printing.chinese(28))


def expiry_text(day: date, dice: random.Random) -> str:
    """Return a day as cards print it; the end of a month often without its day."""
    forms = [
        f"有效期至 {day:%Y年%m月%d日}", f"有效期至：{day.isoformat()}", f"VALID THRU {day:%Y/%m/%d}", f"有效期 {day:%Y.%m.%d}",
        f"Expires {day:%b} {day.day}, {day.year}", f"EXP {day.day} {day:%b %Y}".upper(), f"截止日期 {day:%Y%m%d}",
    ]  # fmt: skip
    if (day + timedelta(days=1)).day == 1:
        forms += [f"GOOD THRU {day:%m/%y}", f"EXP {day:%m/%Y}", f"有效期至 {day:%Y年%m月}", f"Valid until {day:%b %Y}"]
    return dice.choice(forms)


def _decoys(pen: ImageDraw.ImageDraw, dice: random.Random, colour: str, top: int, many: int) -> None:
    """Print what is no card number but looks like one: order and batch numbers, article codes, web addresses, amounts."""
    lines = [
        f"批次 {dice.randrange(10**9, 10**10)}", f"ORDER {dice.randrange(10**11, 10**12)}", "www.example-giftcards.com/redeem2026",
        f"SN {dice.randrange(10**15, 10**16)}", f"69{dice.randrange(10**10, 10**11)}", "gift card $500", f"2026{dice.randrange(10**8, 10**9)}",
    ]  # fmt: skip
    for place, line in enumerate(dice.sample(lines, many)):
        pen.text(
            (560, top - 78 + 30 * (place % 2) + (top + 120 if place > 1 else 0)),
            line,
            colour,
            printing.chinese(24, bold=False),
        )


def _rounded() -> Image.Image:
    mask = Image.new("L", SIZE, 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, SIZE[0] - 1, SIZE[1] - 1), 36, fill=255)
    return mask
