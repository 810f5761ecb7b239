"""What a photograph looks like, in 64 bits: two pictures of one card differ in few of them, however they were compressed."""

from __future__ import annotations

import io

from PIL import Image

ACROSS, DOWN = 9, 8
BITS = 64
PLAIN_BELOW = 6  # So few edges are a blank sheet or a lens cap: it looks like every other one and says nothing.


def perceptual_hash(picture: Image.Image) -> int | None:
    """Compute the difference hash as a signed 64-bit integer, which is what a database column holds; None for a plain picture.

    Each bit says whether a spot is brighter than its right neighbour, of 9 × 8 spots: scale, compression and overall
    brightness leave it alone; another card, another crop or another angle does not.
    """
    spots = picture.convert("L").resize((ACROSS, DOWN), Image.Resampling.BOX).tobytes()
    bits = 0
    for row in range(DOWN):
        for column in range(ACROSS - 1):
            place = row * ACROSS + column
            bits = bits << 1 | (spots[place] > spots[place + 1])
    if not PLAIN_BELOW <= bits.bit_count() <= BITS - PLAIN_BELOW:
        return None
    return bits - (1 << BITS) if bits >> (BITS - 1) else bits


def perceptual_hash_of_jpeg(jpeg: bytes) -> int | None:
    """`perceptual_hash` of a kept photo. Raises OSError for bytes that are no picture."""
    with Image.open(io.BytesIO(jpeg)) as photo:
        return perceptual_hash(photo)
