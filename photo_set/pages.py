"""What shows a card without plastic: a till receipt, the page of an app, a mail."""

from __future__ import annotations

import random
from datetime import date

from PIL import Image, ImageDraw

from domain.rules.brands import brand
from photo_set import printing
from photo_set.faces import BODIES, Printed, expiry_text, grouped

RECEIPT = (620, 900)
SCREEN = (720, 1180)


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
    ink = dice.choice(["#3a3a3a", "#6c6c6c", "#8e8e8e"])  # Thermal print fades.
    for text, size in rows:
        pen.text((40, y), text, ink, printing.chinese(size, bold=False))
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
    pen.rectangle((0, 70, SCREEN[0], 330), fill=dice.choice(BODIES)[0])
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


def mail(printed: Printed, dice: random.Random) -> Image.Image:
    """Draw a mail that brings an electronic card: sentences around a small code, and numbers that are none of it."""
    page = Image.new("RGB", SCREEN, "#ffffff")
    pen, known = ImageDraw.Draw(page), brand(printed.brand)
    plain, chinese = printing.latin("DejaVuSans", 22), printing.chinese(24, bold=False)
    pen.text((36, 40), f"您收到一张{known.names['zh_CN']}礼品卡", "#111111", printing.chinese(36))
    pen.text(
        (36, 100),
        f"2026-{dice.randrange(1, 12):02}-{dice.randrange(10, 28)} 09:{dice.randrange(10, 59)}",
        "#888888",
        plain,
    )
    sentences = [
        f"您好，订单 {dice.randrange(10**11, 10**12)} 已完成支付。", f"面值 {printed.face_value.split('.')[0]} {'元' if printed.face_value.endswith('CNY') else 'USD'}，请妥善保管。",
        "请勿将以下信息告诉他人：",
    ]  # fmt: skip
    for place, sentence in enumerate(sentences):
        pen.text((36, 170 + 44 * place), sentence, "#333333", chinese)
    pen.rounded_rectangle((30, 330, SCREEN[0] - 30, 560), 12, fill=dice.choice(["#f3f5f8", "#fff7e6", "#eef6ee"]))
    size = dice.choice([22, 26])
    label = dice.choice(["卡密", "兑换码"] if known.pin is None else ["卡号", "Card number"])
    pen.text(
        (56, 356), f"{label}: {grouped(known, printed.number, dice)}", "#222222", printing.chinese(size, bold=False)
    )
    if printed.pin:
        pen.text(
            (56, 410), f"{dice.choice(['密码', 'PIN'])}: {printed.pin}", "#222222", printing.chinese(size, bold=False)
        )
    if printed.expiry:
        pen.text(
            (56, 470),
            expiry_text(date.fromisoformat(printed.expiry), dice),
            "#555555",
            printing.chinese(22, bold=False),
        )
    for place, line in enumerate(
        (f"退订 ID {dice.randrange(10**15, 10**16)}", "客服热线 400-820-1617", "www.example-giftcards.com/help")
    ):
        pen.text((36, 620 + 40 * place), line, "#999999", printing.chinese(20, bold=False))
    page.putalpha(255)
    return page
