"""No setting can be added without a word about it: docs/settings.md is compared with the settings themselves."""

from bootstrap.settings import Settings
from cli.settings import DOCUMENT, document, variable


def test_the_page_of_settings_is_up_to_date() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document(), "run: python -m cli settings --write"


def test_every_setting_says_what_it_is_for() -> None:
    unexplained = [variable(name) for name, field in Settings.model_fields.items() if len(field.description or "") < 10]
    assert unexplained == []
