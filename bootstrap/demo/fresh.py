"""A photo of a fresh card for trying the platform by hand: the sample photos are used up by the first demo."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bootstrap.demo.talk import Refused, ask, client
from bootstrap.settings import Settings
from bootstrap.words import Problem


async def draw(settings: Settings, brand: str, face: int, out: Path) -> None:
    """Has the issuer simulator draw and register a card and writes the JPEG to `out`; `face` is in whole units.

    Raises Problem when the simulator is away, issues no such card, or `out` cannot be written.
    """
    if not settings.simulators:
        raise Problem(
            "本部署未启用模拟器，无法生成测试卡。",
            "The simulators are off here, and no other provider knows an invented card.",
        )
    await asyncio.to_thread(_write, out, await _drawn(settings, brand, face))


async def _drawn(settings: Settings, brand: str, face: int) -> bytes:
    http = client(settings.issuer_url)
    try:
        return (await ask(http, "POST", "/samples", data={"brand": brand, "face": str(face)})).content
    except Refused as refused:
        raise Problem(
            f"发卡方模拟器没有生成照片（{refused}）。请先运行 make up，并检查品牌与面值。",
            f"The issuer simulator drew no photo ({refused}). Is `make up` running, and does the brand issue that value?",
        ) from None
    finally:
        await http.aclose()


def _write(out: Path, photo: bytes) -> None:
    try:
        out.write_bytes(photo)
    except OSError as error:
        raise Problem(f"无法写入 {out}：{error.strerror}", f"{out} cannot be written: {error.strerror}") from None
