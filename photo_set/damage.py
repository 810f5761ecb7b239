"""What happens to a picture between the card and the server: bent, held, lit badly, shaken, photographed off a screen, squeezed."""

from __future__ import annotations

import io
import math
import random

import numpy
from PIL import Image, ImageDraw, ImageFilter

Corners = list[list[float]]


def corners(
    dice: random.Random,
    size: tuple[int, int],
    card: tuple[int, int],
    *,
    share: float = 0.8,
    angle: float = 0.0,
    warp: float = 0.03,
) -> Corners:
    """Return where the card's four corners lie in the photo: `share` of its width, turned by degrees, each moved a little."""
    width = size[0] * share
    height = width * card[1] / card[0]
    if height > size[1] * 0.94:
        width, height = width * size[1] * 0.94 / height, size[1] * 0.94
    turned = math.radians(angle)
    reach = (
        abs(width * math.cos(turned)) + abs(height * math.sin(turned)),
        abs(width * math.sin(turned)) + abs(height * math.cos(turned)),
    )
    fit = min(1.0, size[0] * 0.97 / reach[0], size[1] * 0.97 / reach[1])
    placed = []
    for x, y in ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)):
        across, down = x * width * fit, y * height * fit
        moved = (dice.uniform(-warp, warp) * width * fit, dice.uniform(-warp, warp) * width * fit)
        placed.append([
            size[0] / 2 + across * math.cos(turned) - down * math.sin(turned) + moved[0],
            size[1] / 2 + across * math.sin(turned) + down * math.cos(turned) + moved[1],
        ])  # fmt: skip
    return placed


def curled(card: Image.Image, depth: float) -> Image.Image:
    """Bend the card: its rows become arcs, `depth` pixels deep."""
    pixels = numpy.asarray(card)
    height, width = pixels.shape[:2]
    shift = depth * numpy.sin(numpy.pi * numpy.arange(width) / width)
    rows = numpy.arange(height)[:, None] - shift[None, :].round().astype(int)
    bent = pixels[rows.clip(0, height - 1), numpy.arange(width)[None, :]].copy()
    bent[(rows < 0) | (rows >= height), 3] = 0
    return Image.fromarray(bent)


def held(photo: Image.Image, dice: random.Random) -> Image.Image:
    """Put a finger over an edge of the picture's middle."""
    over = Image.new("RGBA", photo.size, (0, 0, 0, 0))
    pen, (width, height) = ImageDraw.Draw(over), photo.size
    x = dice.choice([0.06, 0.94]) * width
    y = dice.uniform(0.25, 0.85) * height
    pen.ellipse((x - 120, y - 52, x + 120, y + 52), fill=(214, 164, 138, 255))
    pen.ellipse(
        (x - 100 if x < width / 2 else x - 118, y - 30, x + 118 if x < width / 2 else x + 100, y + 26),
        fill=(226, 180, 156, 255),
    )
    soft = over.filter(ImageFilter.GaussianBlur(3))
    return Image.alpha_composite(photo.convert("RGBA"), soft).convert("RGB")


def shaken(photo: Image.Image, dice: random.Random, length: int) -> Image.Image:
    """Move the camera by `length` pixels, an odd number, during the exposure."""
    angle = dice.uniform(0, math.pi)
    kernel = numpy.zeros((length, length))
    for step in numpy.linspace(-(length // 2), length // 2, 4 * length):
        kernel[round(length // 2 + step * math.sin(angle)), round(length // 2 + step * math.cos(angle))] = 1
    pixels = numpy.asarray(photo, dtype=numpy.float32)
    moved, half = numpy.zeros_like(pixels), length // 2
    for y, x in zip(*kernel.nonzero(), strict=True):
        moved += numpy.roll(pixels, (y - half, x - half), (0, 1))
    return Image.fromarray((moved / kernel.sum()).clip(0, 255).astype(numpy.uint8))


def moire(photo: Image.Image, dice: random.Random, strength: float) -> Image.Image:
    """Photograph a screen: two gratings, as deep as `strength` (0..1), beat against each other."""
    pixels = numpy.asarray(photo, dtype=numpy.float32)
    y, x = numpy.mgrid[0 : pixels.shape[0], 0 : pixels.shape[1]]
    angle, pitch = dice.uniform(0.02, 0.2), dice.uniform(2.6, 4.2)
    across = numpy.sin(2 * numpy.pi * (x * math.cos(angle) + y * math.sin(angle)) / pitch)
    down = numpy.sin(2 * numpy.pi * (y * math.cos(angle * 0.7) - x * math.sin(angle * 0.7)) / (pitch * 1.07))
    shade = 1 - strength * (1 + across[:, :, None] * numpy.array([1.0, 0.6, -0.5]) * 0.6 + down[:, :, None] * 0.5)
    return Image.fromarray((pixels * shade).clip(0, 255).astype(numpy.uint8))


def squeezed(photo: Image.Image, dice: random.Random, scale: float, quality: int) -> Image.Image:
    """Compress as messengers do: smaller, then JPEG of low quality, twice."""
    small = photo.resize((round(photo.width * scale), round(photo.height * scale)), Image.Resampling.BILINEAR)
    for squeeze in (quality, quality + dice.randrange(6, 16)):
        out = io.BytesIO()
        small.save(out, "JPEG", quality=squeeze)
        small = Image.open(io.BytesIO(out.getvalue())).convert("RGB")
    return small
