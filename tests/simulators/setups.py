"""How the simulators of a test are set up."""

from __future__ import annotations

from simulators.program import Setup
from tests.simulators.running import SECRET

SETUP = Setup(seed=7, secret=SECRET)
