"""Who may use which address of the books: the lines of `matrix.py` as it reads them."""

from __future__ import annotations

from domain.people.roles import Role

BOOKS_READERS = frozenset({Role.FINANCE, Role.COMPLIANCE})
PERIOD_CLOSERS = frozenset({Role.FINANCE})
BOOKS: tuple[tuple[str, str, frozenset[Role], tuple[int, ...]], ...] = (
    ("GET", "/money", BOOKS_READERS, ()),
    ("GET", "/money/accounts", BOOKS_READERS, ()),
    ("GET", "/money/accounts.csv", BOOKS_READERS, ()),
    ("GET", "/money/accounts/{code}", BOOKS_READERS, (404,)),
    ("GET", "/money/accounts/{code}.csv", BOOKS_READERS, ()),
    ("GET", "/money/journal", BOOKS_READERS, ()),
    ("GET", "/money/journal.csv", BOOKS_READERS, ()),
    ("GET", "/money/journal.beancount", BOOKS_READERS, ()),
    ("GET", "/money/journal/{transaction_id}", BOOKS_READERS, (404,)),
    ("GET", "/money/causes/{cause}", BOOKS_READERS, (303,)),
    ("GET", "/money/periods", BOOKS_READERS, ()),
    ("POST", "/money/periods/ask", PERIOD_CLOSERS, (422,)),
    ("POST", "/money/periods/{closing_id}/agree", PERIOD_CLOSERS, (404,)),
    ("POST", "/money/periods/{closing_id}/withdraw", PERIOD_CLOSERS, (404,)),
)
