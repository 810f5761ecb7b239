"""What must hold whatever failed and whenever it was cut off: one class for each, checked after every fault test and on schedule.

I9 and I10 look outside the database, and so does I12 (`bootstrap.checking`).
"""

from database.invariants.base import STEP_MAX, Invariant, Look, Result, Violation
from database.invariants.registry import INVARIANTS, check, found, violations

__all__ = ["INVARIANTS", "STEP_MAX", "Invariant", "Look", "Result", "Violation", "check", "found", "violations"]
