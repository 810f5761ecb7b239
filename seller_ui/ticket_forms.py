"""What a seller writes to support: the words, the chosen files, and the key that makes a form sent twice one message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from starlette.datastructures import FormData, UploadFile

from domain.errors.files import TooManyFiles
from domain.identifiers import is_id, new_id
from domain.support.tickets import FILES_MAX
from gateways.attachments import BYTES_MAX
from seller_ui.form_seal import FormSeal
from seller_ui.site import texts

FIELDS = ("camera", "files")  # Both take files; the first opens a phone's camera.


@dataclass(frozen=True)
class Written:
    """A form as it came: its typed fields, its files by name, and its key (None: not one of ours)."""

    sent: Mapping[str, str] = field(repr=False)
    files: tuple[tuple[str, bytes], ...] = field(repr=False)
    key: str | None


def fresh_key() -> str:
    """Return the hidden field `key` of a form that is shown."""
    return new_id()


def key_of(sent: Mapping[str, str]) -> str | None:
    """Return the key that the form came with."""
    return sent["key"] if is_id(sent.get("key", "")) else None


def _stored_key(sent: Mapping[str, str], files: Sequence[tuple[str, bytes]], seal: FormSeal) -> str | None:
    """The key with a keyed hash of what came under it: a form that was sent, changed and sent again is another message."""
    key = key_of(sent)
    if key is None:
        return None
    typed = {name: value for name, value in sent.items() if name not in ("csrf", "key")}
    return f"{key} {seal.digest('', typed, [content for _, content in files])}"


async def written(form: FormData, seal: FormSeal) -> Written:
    """Read the form. Refuse TooManyFiles before any of them is read."""
    chosen = [part for name in FIELDS for part in form.getlist(name) if isinstance(part, UploadFile) and part.filename]
    if len(chosen) > FILES_MAX:
        raise TooManyFiles(most=FILES_MAX)
    # One byte over the limit is enough to refuse a file by.
    files = tuple([(part.filename or "", await part.read(BYTES_MAX + 1)) for part in chosen])
    sent = texts(form)
    return Written(sent, files, _stored_key(sent, files, seal))


def files_chosen(form: FormData) -> bool:
    """Return whether files came with the form: no browser puts them into it again."""
    return any(isinstance(part, UploadFile) and part.filename for name in FIELDS for part in form.getlist(name))
