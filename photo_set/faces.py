"""Faces of invented cards in many layouts: where labels stand, what else is printed, which fonts and printers made it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta

from PIL import Image, ImageDraw

from domain.cards.reading import FieldName
from domain.money import Currency
from domain.rules.brands import Brand, brand
from photo_set import printing
from samples.fresh import number_of, run_of

SIZE = (1000, 630)  # Pixels; the shape of an ISO 7810 card.
RECEIPT = (620, 900)
SCREEN = (720, 1180)
_BODY = [("#c91623", "white"), ("#0a6fd1", "white"), ("#f4f6fb", "#0b3f91"), ("#0c6b49", "white"), ("#20242e", "#f3d9a0"),
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
    expiry = None if dice.random() < 0.2 else (date(2027, 1, 1) + timedelta(days=dice.randrange(1200))).isoformat()
    pin = run_of(known.pin, dice) if known.pin else None
    return Printed(code, number_of(known, dice), pin, f"{amount}.00 {known.currency.value}", expiry)


def card(
    printed: Printed,
    dice: random.Random,
    printer: printing.Printer = printing.ink,
    *,
    decoys: bool = False,
    size: int = 0,
    scratched: bool = True,
) -> Image.Image:
    """Draw a plastic card as RGBA. `decoys` adds print that could be taken for a number; `size` is that of the number."""
    known, (body, colour) = brand(printed.brand), dice.choice(_BODY)
    drawn = Image.new("RGB", SIZE, body)
    pen = ImageDraw.Draw(drawn)
    _ornaments(pen, dice, colour)
    _title(pen, known, printed, dice, colour)
    size = size or dice.choice([40, 44, 50])
    top = dice.choice([210, 240, 270])
    if decoys:
        _decoys(pen, dice, colour, top)
    bottom = _value(
        drawn,
        pen,
        dice,
        _CODE if known.pin is None else _NUMBER,
        grouped(known, printed.number, dice),
        (colour, size, top),
        printer,
    )
    if printed.pin:
        _scratch_panel(drawn, printed.pin, dice, colour, bottom + 20, size, scratched=scratched)
    _expiry(pen, printed, dice, colour)
    pen.text((56, 590), "客服热线 400-820-1617  本卡不记名、不挂失", colour, printing.chinese(20, bold=False))
    drawn.putalpha(_rounded())
    return drawn


def receipt(printed: Printed, dice: random.Random) -> Image.Image:
    """Draw a till receipt that sold the card: narrow, thermal, full of other numbers."""
    paper = Image.new("RGB", RECEIPT, "#f6f4ee")
    pen, known, y = ImageDraw.Draw(paper), brand(printed.brand), 40
    rows = [
        (f"{known.names['zh_CN']} 礼品卡", 34), (f"门店 {dice.randrange(1000, 9999)}  收银 {dice.randrange(10, 99)}", 24),
        (f"2026-{dice.randrange(1, 12):02}-{dice.randrange(1, 28):02} 14:{dice.randrange(10, 59)}", 24),
        (f"小票号 {dice.randrange(10**7, 10**8)}", 24), (f"{'卡密' if known.pin is None else '卡号'}：", 26),
        (grouped(known, printed.number, dice), 30),
        *([(f"密码：{printed.pin}", 28)] if printed.pin else []),
        (f"面值 {printed.face_value.split('.')[0]} {'元' if printed.face_value.endswith('CNY') else 'USD'}", 28),
        *([(f"有效期至 {printed.expiry}", 24)] if printed.expiry else []),
        (f"实付 ¥{dice.randrange(90, 990)}.{dice.randrange(10, 99)}  找零 ¥0.00", 24), ("客服热线 400-820-1617", 22),
    ]  # fmt: skip
    for text, size in rows:
        pen.text((40, y), text, "#3a3a3a", printing.chinese(size, bold=False))
        y += round(size * 1.9)
    paper.putalpha(255)
    return paper


def screenshot(printed: Printed, dice: random.Random) -> Image.Image:
    """Draw an app's or a mail's page that shows an electronic card."""
    light = dice.random() < 0.7
    paper, text = ("#ffffff", "#222222") if light else ("#15171c", "#e9e9ee")
    page = Image.new("RGB", SCREEN, paper)
    pen, known = ImageDraw.Draw(page), brand(printed.brand)
    pen.text((30, 14), f"{dice.randrange(8, 20)}:{dice.randrange(10, 59)}", text, printing.latin("DejaVuSans-Bold", 24))
    pen.rectangle((0, 70, SCREEN[0], 330), fill=dice.choice(_BODY)[0])
    pen.text((40, 110), f"{known.names['zh_CN']}", "#888888", printing.chinese(44))
    pen.text(
        (40, 200),
        printed.face_value.replace(".00 CNY", " 元").replace(".00 USD", " USD"),
        "#888888",
        printing.chinese(52),
    )
    y = 380
    pairs = [
        ("订单编号", str(dice.randrange(10**11, 10**12))),
        ("卡密" if known.pin is None else "卡号", grouped(known, printed.number, dice)),
    ]
    pairs += [("密码", printed.pin)] if printed.pin else []
    pairs += [("有效期至", printed.expiry)] if printed.expiry else []
    for label, value in pairs:
        pen.text((40, y), label, "#8a8f99", printing.chinese(26, bold=False))
        pen.text((40, y + 40), value, text, printing.latin(dice.choice(("DejaVuSans", "DejaVuSansMono")), 34))
        y += 126
    pen.rounded_rectangle((40, 1050, SCREEN[0] - 40, 1130), 40, fill="#d33a2c")
    pen.text((SCREEN[0] // 2 - 70, 1070), "复制卡密", "white", printing.chinese(32))
    page.putalpha(255)
    return page


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


def _title(pen: ImageDraw.ImageDraw, known: Brand, printed: Printed, dice: random.Random, colour: str) -> None:
    name = (
        known.names[dice.choice(["zh_CN", "en"])]
        if known.currency is Currency.CNY
        else f"{known.code.split('-')[0]} gift card"
    )
    pen.text((56, 44), name, colour, printing.chinese(dice.choice([48, 60])))
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
    drawn: Image.Image, pin: str, dice: random.Random, colour: str, top: int, size: int, *, scratched: bool
) -> None:
    pen = ImageDraw.Draw(drawn)
    label = dice.choice(_PIN)
    face = printing.chinese(size * 3 // 4)
    pen.text((60, top + 6), label, colour, face)
    left = 84 + round(face.getlength(label))
    wide = printing.width_of(pin, size, "DejaVuSansMono-Bold") + 50
    pen.rounded_rectangle((left, top, left + wide, top + size + 26), 6, fill="#e9e6dd")
    pen.text((left + 24, top + 8), pin, "#20242b", printing.latin("DejaVuSansMono-Bold", size))
    if not scratched:  # A part of the silver is still there.
        first = dice.randrange(0, len(pin) - 1)
        hidden = left + 20 + round((wide - 50) * first / len(pin))
        for step in range(0, round((wide - 50) * dice.choice([0.5, 1, 2]) / len(pin)), 3):
            pen.line(
                (hidden + step, top + dice.randrange(0, 14), hidden + step + 5, top + size + 20),
                fill="#8d9097",
                width=4,
            )
    for step in range(0, wide, 9):  # What the coin left of the silver.
        pen.rectangle((left + step, top, left + step + 9, top + dice.randrange(3, 12)), fill="#8d9097")
        pen.rectangle(
            (left + step, top + size + 26 - dice.randrange(3, 12), left + step + 9, top + size + 26), fill="#8d9097"
        )


def _expiry(pen: ImageDraw.ImageDraw, printed: Printed, dice: random.Random, colour: str) -> None:
    if printed.expiry:
        year, month, day = printed.expiry.split("-")
        written = dice.choice(
            [f"有效期至 {year}年{month}月{day}日", f"有效期至：{printed.expiry}", f"VALID THRU {year}/{month}/{day}"]
        )
        pen.text((56, 545), written, colour, printing.chinese(28))


def _decoys(pen: ImageDraw.ImageDraw, dice: random.Random, colour: str, top: int) -> None:
    """Print what is no card number but looks like one: order and batch numbers, article codes, web addresses."""
    lines = [
        f"批次 {dice.randrange(10**9, 10**10)}", f"ORDER {dice.randrange(10**11, 10**12)}", "www.example-giftcards.com/redeem2026",
        f"SN {dice.randrange(10**15, 10**16)}", f"69{dice.randrange(10**10, 10**11)}",
    ]  # fmt: skip
    for place, line in enumerate(dice.sample(lines, 2)):
        pen.text((560, top - 78 + 34 * place), line, colour, printing.chinese(24, bold=False))


def _rounded() -> Image.Image:
    mask = Image.new("L", SIZE, 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, SIZE[0] - 1, SIZE[1] - 1), 36, fill=255)
    return mask
