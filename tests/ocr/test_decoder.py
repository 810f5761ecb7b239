"""What the decoder makes of the recogniser's frames has a version, by which kept readings are known to be old."""

from __future__ import annotations

import hashlib

import numpy
import pytest

from ocr.lattice import DECODER

pytestmark = [pytest.mark.xdist_group("ocr_engine"), pytest.mark.timeout(120)]
CHARACTERS = ["blank", *"0123456789ABCabcOoＡ８卡号 -:"]
MADE = {1: "cf1bcf9add1511fa"}  # By version: text, frames, score and lattice of the frames below.


def test_decoder_that_makes_other_lines_of_the_same_frames_has_another_version() -> None:
    from ocr.engine import LatticeDecoder  # Loads PaddleOCR.

    chance = numpy.random.default_rng(13)
    frames = chance.dirichlet(numpy.full(len(CHARACTERS), 0.2), size=40).astype(numpy.float32)
    (text,), (score,) = LatticeDecoder(CHARACTERS)([frames[None]])
    made = f"{text}\n{text.frames}\n{score:.4f}\n".encode() + numpy.round(text.lattice.frames, 4).tobytes()
    assert hashlib.sha256(made).hexdigest()[:16] == MADE.get(DECODER), (
        "Count up ocr.lattice.DECODER and note what it makes."
    )
