"""The policies of second looks in force, for those who answer for quality: which decisions two people make, and what is sampled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from database.tables.columns import now
from domain.money import Money
from domain.people.roles import Permission
from domain.places import business_day
from domain.quality.sampling import SamplingPolicy
from domain.review.four_eyes import CNY_PER_UNIT_MAX, CheckPolicy
from domain.rules.checks import sampling_policy
from reviewer_ui.brand_names import brand_names
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Shell, allowed, shell

router = APIRouter()
QualityReader = Annotated[Person, Depends(allowed(Permission.SEE_QUALITY))]


@dataclass(frozen=True)
class FourEyesContext:
    """Both policies as they are today. `limit` is the face value from which on two people decide; `per_unit` is what a
    unit of another currency counts for in it, CNY.
    """

    shell: Shell
    checks: CheckPolicy
    limit: Money
    per_unit: int
    sampling: SamplingPolicy
    brands: dict[str, dict[str, str]]


@router.get("/setup/four-eyes")
async def show(request: Request, console: At, person: QualityReader) -> Response:
    """Show the policy; nothing can be changed on this page."""
    checks = console.services.review.decisions.check_policy()
    sampling = sampling_policy(business_day(now()))
    limit = Money(checks.value_minor_min)
    context = FourEyesContext(shell(request, person), checks, limit, CNY_PER_UNIT_MAX, sampling, brand_names())
    return await console.answer(request, "policies/check_policy.html", context)
