"""Forms about money that take one document, and the document as it is served."""

from __future__ import annotations

from typing import Protocol

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from gateways.attachments import BYTES_MAX
from reviewer_ui.visit import Console
from services.finance.proof_files import ProofFile, content_of
from web.downloads import as_download

FORM_BYTES_MAX = BYTES_MAX + 64 * 1024  # The document, and the form around it.
FIELD_MAX = 4000


class Evidenced(Protocol):
    """A row that keeps one document."""

    @property
    def evidence_name(self) -> str:
        """Return the file's name as it was sent."""
        ...

    @property
    def evidence_type(self) -> str:
        """Return its media type."""
        ...

    @property
    def evidence_sha256(self) -> str:
        """Return what it is stored by."""
        ...


async def sent_proof(request: Request, *names: str) -> tuple[dict[str, str], ProofFile | None]:
    """Return these fields of the form and its document; a file field left empty sends one without a name."""
    form = await request.form()
    given = {name: str(form.get(name, ""))[:FIELD_MAX] for name in names}
    file = form.get("evidence")
    if not isinstance(file, UploadFile) or not file.filename:
        return given, None
    await file.seek(0)  # A proof of who is there has read the form before.
    return given, ProofFile(file.filename, await file.read(BYTES_MAX + 1))


async def document_of(console: Console, row: Evidenced) -> Response:
    """Serve the document that a row keeps. Refuse NotFound for a file that is gone."""
    content = await content_of(console.services.photos, row.evidence_sha256)
    return as_download(row.evidence_name, row.evidence_type, content)
