"""What was found of a card that was bought, with its document."""

from __future__ import annotations

from domain.finance.rollback import RollbackKind
from services.finance.proof_files import ProofFile
from services.finance.rollbacks import Finding
from tests.builders.paying import PDF

USED = Finding(RollbackKind.USED, "The card was spent at a till after we had paid.", ProofFile("issuer.pdf", PDF))
