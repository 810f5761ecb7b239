"""Every sentence a person reads, by key, in Chinese and English. Imports nothing of ours.

The words are in `locale/<locale>/LC_MESSAGES/*.po`: `messages` for sellers and errors, `console` for those who work there.
"""

from __future__ import annotations

from languages.catalogue import DEFAULT_LOCALE, LOCALES, has, keys, label, label_key, needs, translate

__all__ = ["DEFAULT_LOCALE", "LOCALES", "has", "keys", "label", "label_key", "needs", "translate"]
