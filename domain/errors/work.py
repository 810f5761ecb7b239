"""Refusals at a desk: who may have a task, reasons, saved views, words that hold a secret."""

from __future__ import annotations

from domain.errors.base import Refusal


class TaskHeldByAnother(Refusal):
    """A colleague holds this task; `holder` and `until` say who and how long."""

    code = "task_held_by_another"
    http_status = 409


class TaskNotHeld(Refusal):
    """The task must be taken before it is decided, or the lease has run out."""

    code = "task_not_held"
    http_status = 409


class TaskDecided(Refusal):
    """The task was decided already; `by` says who."""

    code = "task_already_decided"
    http_status = 409


class OwnWork(Refusal):
    """Four eyes: the person, or one they act for, already acted on the other side of this task."""

    code = "own_work"
    http_status = 403


class NotEligible(Refusal):
    """The task is not for this person now; `why` lists the reasons."""

    code = "not_eligible"
    http_status = 403


class ReasonUnknown(Refusal):
    """The act needs a reason of the managed list; `act` says which list."""

    code = "reason_unknown"


class ViewNameTaken(Refusal):
    """The person has another saved view of that name."""

    code = "view_name_taken"
    http_status = 409


class TooManyViews(Refusal):
    """The person has saved as many views as are kept for one."""

    code = "too_many_views"


class SecretInWords(Refusal):
    """A comment, note, reason or file name holds a card number or PIN, which is kept nowhere in the clear."""

    code = "secret_in_words"
