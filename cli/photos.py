"""`photos`: maintenance of the kept photographs."""

import asyncio

import typer

from bootstrap.settings import Settings
from bootstrap.words import say

photos = typer.Typer(no_args_is_help=True, help="Kept photographs. / 已保存的照片")


@photos.callback()
def _several() -> None:
    """Makes `photos` a family of commands although it has one so far."""


@photos.command("look")
def look() -> None:
    """Give older photos the look by which the same photo is found again. / 为旧照片补算外观指纹"""
    from bootstrap.photo_hashes import fill_in

    filled = asyncio.run(fill_in(Settings()))
    typer.echo(say(f"已为 {filled} 张照片补算外观指纹。", f"{filled} photos were given their look."))
