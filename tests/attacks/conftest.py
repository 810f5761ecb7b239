"""Both sites on a real database, as their own tests have them."""

from tests.api.conftest import api, database, desk

__all__ = ["api", "database", "desk"]
