"""The picture that an authenticator scans, drawn into the page itself: it holds the secret, so it has no address."""

from __future__ import annotations

import segno
from markupsafe import Markup

from services.people.totp import TotpSetUp


def picture(given: TotpSetUp) -> Markup:
    """Draw an SVG element without styles; dark on light in both themes, because scanners want it so."""
    code = segno.make(given.address, error="m", micro=False)
    drawn = code.svg_inline(scale=5, border=4, dark="#000", light="#fff", svgclass="totp-picture", lineclass=None)
    return Markup(drawn)  # noqa: S704  # Made of numbers alone: the address is in the pattern, not in the text.
