"""A provider's own reference, as a person of finance copies it from a document."""

from __future__ import annotations

from domain.errors.general import FieldInvalid


def provider_reference(written: str, longest: int, *, required: bool = True) -> str:
    """Return the reference without the space around it. Refuse FieldInvalid (`reference`) as missing, or as too long or not printable."""
    reference = written.strip()
    if required and not reference:
        raise FieldInvalid(field="reference", why="missing")
    if len(reference) > longest or not reference.isprintable():
        raise FieldInvalid(field="reference", why="too_long")
    return reference
