"""A provider's run knows its entries on the shared account by how their keys begin: no name is the beginning of another's."""

from __future__ import annotations

import pytest

from database.tables.finance.settlement import CounterpartyRow
from domain.errors.general import FieldInvalid
from domain.finance.counterparties import CounterpartyKind, costs_begin
from domain.identifiers import new_id
from domain.ops.providers import OF_ISSUERS, Provider, ProviderKind
from services.finance.settlement.collecting import keys_of
from tests.builders.settling import Settling


def provider_ids() -> list[str]:
    """Every id under which costs are posted: a kind with the issuer's code, or the kind of which there is one."""
    return [Provider(kind, "jd" if kind in OF_ISSUERS else "").id for kind in ProviderKind]


@pytest.mark.parametrize(
    "shorter", [*sorted(kind.value for kind in OF_ISSUERS), *(f"{one}:x" for one in provider_ids())]
)
async def test_no_provider_has_a_name_by_which_its_run_would_take_the_costs_of_others(
    scene: Settling, shorter: str
) -> None:
    with pytest.raises(FieldInvalid) as refused:
        await a_provider(scene, shorter)
    assert refused.value.data == {"field": "ledger_account", "why": "costs_of_others"}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(ProviderKind))
async def test_whom_we_ask_about_cards_can_be_settled_with(scene: Settling, kind: ProviderKind) -> None:
    code = new_id()[-6:].lower() if kind in OF_ISSUERS else ""
    party = await a_provider(scene, Provider(kind, code).id)
    assert keys_of(party) == costs_begin(Provider(kind, code).id)


async def test_of_two_providers_neither_name_begins_as_the_other(scene: Settling) -> None:
    name = f"mail{new_id()[-6:].lower()}"
    await a_provider(scene, f"{name}:north")
    await a_provider(scene, f"{name}x")  # Another word: its costs are its own.
    for mixed in (name, f"{name}:north:old"):
        with pytest.raises(FieldInvalid) as refused:
            await a_provider(scene, mixed)
        assert refused.value.data["why"] == "costs_of_others"
    shared = await scene.a_party(owner=name, mail="p@partner.example")
    assert shared.kind is CounterpartyKind.PARTNER  # Its account is its own: no key is asked for.


async def a_provider(scene: Settling, owner: str) -> CounterpartyRow:
    return await scene.a_party(kind=CounterpartyKind.PROVIDER, owner=owner, mail="i@issuer.example", terms="by-invoice", payee=False)  # fmt: skip
