"""How the driver says that it cannot go on: one sentence, and an exit status."""

from __future__ import annotations


class Misuse(Exception):
    """The call was wrong: exit 2. The message says the right form and the choices."""


class Trouble(Exception):
    """Something could not be built, started or measured: exit 1."""
