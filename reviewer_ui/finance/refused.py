"""What a person entered into a form of one row and was refused: the page is shown again with it, and nothing is lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from domain.errors.base import Refusal
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.people import StepUpNeeded
from reviewer_ui.visit import see_other


@dataclass(frozen=True)
class Refused:
    """The row (its key) and the form of it, what was typed there, and why it was not taken. By default nothing was refused."""

    row: str = ""
    form: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)
    refusal: Refusal | None = None

    def at(self, row: str, form: str = "") -> bool:
        """Return whether this row's form (any form of it, where none is named) was refused."""
        return self.refusal is not None and self.row == row and form in ("", self.form)

    def was(self, row: str, form: str, name: str) -> str:
        """Return what was typed into a field of that form; empty for every other form."""
        return self.typed.get(name, "") if self.at(row, form) else ""

    @property
    def status(self) -> int:
        """The HTTP status of the page."""
        return 200 if self.refusal is None else self.refusal.http_status


NOTHING = Refused()


@contextmanager
def entered(field: str) -> Iterator[None]:
    """Say of a thing that a person named in this field and that is not there that the field is wrong, not the page's address."""
    try:
        yield
    except NotFound:
        raise FieldInvalid(field=field, why="not_found") from None


async def done_or_shown(
    request: Request,
    doing: Awaitable[object],
    page: Callable[[Refused], Awaitable[Response]],
    address: str,
    row: str,
    form: str = "",
    typed: Mapping[str, str] | None = None,
) -> Response:
    """Do it and lead back to the page at `address`; refused, show the page again with what was typed.

    Asking who is there goes its own way. A switch of the language leads back to the page, too.
    """
    try:
        await doing
    except StepUpNeeded:
        raise
    except Refusal as refusal:
        request.state.back = address
        return await page(Refused(row, form, typed or {}, refusal))
    return see_other(address)
