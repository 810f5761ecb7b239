"""A simulator that answers for brands, and takes up those that the platform announces to it."""

from __future__ import annotations

from typing import Any

from simulators.brands import Announced, Brands
from simulators.program import Program, Setup


class BrandProgram(Program):
    """Adds `GET` and `PUT /brands`: an issuer learns of a new brand from its contract, the simulator from this address."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.brands = Brands(self.store)

    def routes(self) -> None:
        """Declare the addresses of the brands; a program adds its own."""
        self.app.get("/brands")(self.known_brands)
        self.app.put("/brands", status_code=204)(self.take_up_brands)

    async def known_brands(self) -> dict[str, Any]:
        """Serve the announced version and the codes of all brands."""
        return {"version": self.brands.version(), "brands": list(self.brands.known())}

    async def take_up_brands(self, said: Announced) -> None:
        """Answer for these brands from now on, also after a restart; `/reset` forgets them."""
        self.brands.announce(said)
