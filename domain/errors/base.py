"""What every refusal is: an answer with a documented code, an HTTP status and the data to explain it."""

from __future__ import annotations

from typing import ClassVar

REGISTER: dict[str, type[Refusal]] = {}


class Refusal(Exception):
    """Base of every business refusal. `data` never holds a card number, a PIN or a one-time code."""

    code: ClassVar[str] = "refused"
    http_status: ClassVar[int] = 422

    def __init__(self, **data: object) -> None:
        super().__init__(self.code)
        self.data = data

    def __str__(self) -> str:
        """Return the code with its data, for logs and failed tests."""
        return f"{self.code} {self.data}" if self.data else self.code

    def __init_subclass__(cls) -> None:
        REGISTER[cls.code] = cls
