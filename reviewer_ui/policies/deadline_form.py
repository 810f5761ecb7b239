"""The common values of the deadline policies as form fields, put into the document they were made from."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from domain.policies.flaws import DocumentWrong, Flaw, FlawKind

TEXT_MAX = 12  # Most digits of a number in the form.


def put_into(document: Any, fields: Mapping[str, str]) -> Any:
    """The document with the form's values: `budget_min:<n>`, `warn_percent:<n>`, `calendar:<n>`, `at_end:<n>` of the n-th
    policy, `team:<name>` and `otherwise`. Raises DocumentWrong for text that is no number; all else is judged on reading.
    """
    made = copy.deepcopy(document)
    if not isinstance(made, dict) or not isinstance(made.get("policies"), list):
        raise DocumentWrong([Flaw("policies", FlawKind.MISSING)])
    for index, policy in enumerate(made["policies"]):
        if isinstance(policy, dict):
            _policy(policy, index, fields)
    if "otherwise" in fields:
        made["otherwise"] = fields["otherwise"]
    found = made.get("teams")
    teams: dict[str, Any] = found if isinstance(found, dict) else {}
    for team in teams:
        teams[team] = fields.get(f"team:{team}", teams[team])
    return made


def _policy(policy: dict[str, Any], index: int, fields: Mapping[str, str]) -> None:
    path = f"policies[{index}]"
    if (budget := fields.get(f"budget_min:{index}")) is not None:
        policy["budget_s"] = _kept(_number(f"{path}.budget_s", budget) * 60, policy.get("budget_s"), 60)
    if (share := fields.get(f"warn_percent:{index}")) is not None:
        policy["warn_share_bp"] = _kept(_number(f"{path}.warn_share_bp", share) * 100, policy.get("warn_share_bp"), 100)
    if (calendar := fields.get(f"calendar:{index}")) is not None:
        policy.pop("calendar", None)
        if calendar:
            policy["calendar"] = calendar
    if end := fields.get(f"at_end:{index}"):
        kept = policy.get("at_end")
        policy["at_end"] = {**(kept if isinstance(kept, dict) else {}), "do": end}


def _number(path: str, typed: str) -> int:
    tidy = typed.strip()
    if not (tidy.isascii() and tidy.isdigit() and len(tidy) <= TEXT_MAX):
        raise DocumentWrong([Flaw(path, FlawKind.NOT_A_NUMBER)])
    return int(tidy)


def _kept(typed: int, before: object, unit: int) -> int:
    """A value that the form shows in a larger unit, and that nobody changed, keeps what the form cannot show."""
    if isinstance(before, int) and before // unit * unit == typed:
        return before
    return typed
