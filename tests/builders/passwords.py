"""A hash that takes no time, for tests of what a password opens: how long argon2 takes is shown once, in tests/services/people."""

from __future__ import annotations

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

QUICK = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
