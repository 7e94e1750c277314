"""What a rule finds in recordings, with the cure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class DataSeverity(StrEnum):
    """How grave a finding is: an error stops a command, a warning and a hint do not."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


@dataclass(frozen=True)
class DataFinding:
    """One thing that is wrong or remarkable in a data set.

    Attributes:
        rule: its number, such as `D101`.
        where: the subjects, classes or recordings that it concerns.
        text: what was measured and what it means.
        cure: what to do, as far as possible a line for the TOML beside the table.
    """

    rule: str
    severity: DataSeverity
    where: str
    text: str
    cure: str = ""

    def sentence(self) -> str:
        """The finding in one line."""
        cure = f" ({self.cure})" if self.cure else ""
        return f"{self.rule}: {self.where}: {self.text}{cure}"
