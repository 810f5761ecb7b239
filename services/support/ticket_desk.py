"""The ticket desk: its acts by subject."""

from __future__ import annotations

from dataclasses import dataclass

from services.support.conversation import Conversation
from services.support.desk import SupportDesk
from services.support.escalation_to_leads import EscalationToLeads
from services.support.handing import Handing
from services.support.linking import Linking
from services.support.macros import Macros
from services.support.merging import Merging
from services.support.notes import Notes
from services.support.opening import Opening
from services.support.sorting import Sorting
from services.support.templates import ReplyTemplates


@dataclass(frozen=True)
class TicketDesk:
    """Everything that agents do with tickets."""

    opening: Opening
    conversation: Conversation
    notes: Notes
    sorting: Sorting
    linking: Linking
    merging: Merging
    handing: Handing
    escalation_to_leads: EscalationToLeads
    templates: ReplyTemplates
    macros: Macros


def ticket_desk(desk: SupportDesk) -> TicketDesk:
    """Build the desk."""
    return TicketDesk(
        opening=Opening(desk),
        conversation=Conversation(desk),
        notes=Notes(desk.database, desk.keyring, desk.store),
        sorting=Sorting(desk),
        linking=Linking(desk),
        merging=Merging(desk),
        handing=Handing(desk),
        escalation_to_leads=EscalationToLeads(desk),
        templates=ReplyTemplates(desk),
        macros=Macros(desk),
    )
