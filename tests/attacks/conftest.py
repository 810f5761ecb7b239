"""Both sites, the console and the outside world on a real database, as their own tests have them."""

from tests.api.conftest import api, database, desk
from tests.reviewer_ui.conftest import console_url, house

__all__ = ["api", "console_url", "database", "desk", "house"]
