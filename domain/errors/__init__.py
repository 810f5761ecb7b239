"""Refusals by area: answers with a documented code, an HTTP status and the data to explain them.

The sentence a person reads is made from the code in their language (see `docs/errors.md`). Importing this package registers
every refusal.
"""

from domain.errors import cards as cards
from domain.errors import files as files
from domain.errors import finance as finance
from domain.errors import general as general
from domain.errors import ops as ops
from domain.errors import outcomes as outcomes
from domain.errors import people as people
from domain.errors import policies as policies
from domain.errors import quality as quality
from domain.errors import returns as returns
from domain.errors import review as review
from domain.errors import sales as sales
from domain.errors import settlement as settlement
from domain.errors import support as support
from domain.errors import suspense as suspense
from domain.errors import tax as tax
from domain.errors import work as work
