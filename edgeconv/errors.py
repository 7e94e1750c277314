"""Every error a user can meet: one root, few children, each with the exit code of the contract."""

from __future__ import annotations


class EdgeconvError(Exception):
    """Something a user can mend.

    `message` says what went wrong and where, `hint` what to do about it. The command line prints
    both and leaves with `exit_code`; a Python caller catches this one class.
    """

    exit_code = 3

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class GateFailed(EdgeconvError):
    """A gate failed, or a check that had to run did not."""

    exit_code = 1


class UsageError(EdgeconvError):
    """A command or call is wrong: an unknown name or option, an illegal value."""

    exit_code = 2


class BadInput(EdgeconvError):
    """Data, a model, an artifact or a bundle cannot be used as it is."""

    exit_code = 3


class LeakError(BadInput):
    """The same subject would be on both sides of a split."""


class Unsupported(EdgeconvError):
    """An operation or a combination (scheme, target, operating system) that cannot work."""

    exit_code = 4


class MissingDependency(EdgeconvError):
    """A package or a platform is missing."""

    exit_code = 5


BUG_EXIT_CODE = 70
