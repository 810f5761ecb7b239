"""Operations. Importing this package knows every table of it."""

from database.tables.ops import health, providers, repairs, runs, workers

__all__ = ["health", "providers", "repairs", "runs", "workers"]
