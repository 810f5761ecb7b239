"""Names of brands as staff read them."""

from __future__ import annotations

from domain.rules.brands import catalogue


def brand_names() -> dict[str, dict[str, str]]:
    """Each brand's name by its code, in both languages."""
    return {code: dict(brand.names) for code, brand in catalogue().items()}
