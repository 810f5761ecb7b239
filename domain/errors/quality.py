"""Refusals about trying and measuring the reader of photos."""

from __future__ import annotations

from domain.errors.base import Refusal


class ReaderBusy(Refusal):
    """Cards are being read; a photo to try is taken in about `wait_s` seconds."""

    code = "reader_busy"
    http_status = 503


class TrialFailed(Refusal):
    """The reader could not finish with this photo."""

    code = "trial_failed"
    http_status = 422
