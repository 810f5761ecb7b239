"""Who declines a colleague's proposal about money notifies them, whichever of the desks' acts it is."""

from __future__ import annotations

from tests.architecture.tree import Module, modules

# Acts by which a person says no to what another proposed, or takes back their own.
NAMES = {"decline", "decline_payee", "withdraw", "refuse"}
NOTIFYING = "notify_declined("


def declining(module: Module) -> dict[str, str]:
    """Return the source of the acts by name."""
    lines = module.source.splitlines()
    return {
        f"{module}:{one.name}": "\n".join(lines[one.lineno - 1 : one.end_lineno])
        for one in module.functions()
        if one.name in NAMES and "person" in {argument.arg for argument in one.args.args}
    }


def test_proposer_is_notified_of_a_declined_act_about_money() -> None:
    acts = {name: source for module in modules("services/finance") for name, source in declining(module).items()}
    assert len(acts) >= 8, sorted(acts)
    assert [name for name, source in sorted(acts.items()) if NOTIFYING not in source] == []
