"""Refusals of files: photographs of cards, and what people keep with a card."""

from __future__ import annotations

from domain.errors.base import Refusal


class PhotoEmpty(Refusal):
    """The uploaded file is empty."""

    code = "photo_empty"


class TooManyPhotos(Refusal):
    """More photographs than are taken at once; `most` says how many."""

    code = "too_many_photos"


class PhotoTooLarge(Refusal):
    """The uploaded file is larger than `bytes_max`."""

    code = "photo_too_large"
    http_status = 413


class PhotoTooManyPixels(Refusal):
    """The picture has more pixels, or a more extreme shape, than is decoded."""

    code = "photo_too_many_pixels"


class PhotoFormatUnsupported(Refusal):
    """The file is no JPEG, PNG, WebP or PDF; `format` names what it looks like."""

    code = "photo_format_unsupported"
    http_status = 415


class PhotoUnreadable(Refusal):
    """The picture is cut off or broken and cannot be decoded."""

    code = "photo_unreadable"


class PdfEncrypted(Refusal):
    """The PDF is encrypted, with a password or without one."""

    code = "pdf_encrypted"


class PdfScripted(Refusal):
    """The PDF holds a script, a form that sends itself, or starts something when it is opened."""

    code = "pdf_scripted"


class PdfTooManyPages(Refusal):
    """The PDF has more pages than are taken as photos; `most` says how many."""

    code = "pdf_too_many_pages"


class AttachmentTooLarge(Refusal):
    """A file kept with a card is larger than `bytes_max`."""

    code = "attachment_too_large"
    http_status = 413


class AttachmentUnsupported(Refusal):
    """The file is empty, or no PDF, JPEG, PNG, WebP or plain text; `format` names what it looks like."""

    code = "attachment_unsupported"
    http_status = 415


class TooManyFiles(Refusal):
    """More files than are taken with one message; `most` says how many."""

    code = "too_many_files"


class FileTooDemanding(Refusal):
    """Opening the file took more memory or time than one file may take."""

    code = "file_too_demanding"
