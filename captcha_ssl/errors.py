"""The exception for an error the user can fix."""

from __future__ import annotations


class UserError(Exception):
    """A wrong file, option or setting.

    Its message is one line that says what is wrong, where, and what to do about it.
    The command line prints it on stderr and exits with 2; nothing else catches it.
    """


class DivergedError(UserError):
    """A loss, weight or logit that is not finite. A benchmark records it and continues."""
