"""Forms about money that take one document."""

from __future__ import annotations

from starlette.datastructures import UploadFile
from starlette.requests import Request

from gateways.attachments import BYTES_MAX
from services.finance.proof_files import ProofFile

FORM_BYTES_MAX = BYTES_MAX + 64 * 1024  # The document, and the form around it.
FIELD_MAX = 4000


async def sent_proof(request: Request, *names: str) -> tuple[dict[str, str], ProofFile | None]:
    """Return these fields of the form and its document; a file field left empty sends one without a name."""
    form = await request.form()
    given = {name: str(form.get(name, ""))[:FIELD_MAX] for name in names}
    file = form.get("evidence")
    if not isinstance(file, UploadFile) or not file.filename:
        return given, None
    await file.seek(0)  # A proof of who is there has read the form before.
    return given, ProofFile(file.filename, await file.read(BYTES_MAX + 1))
