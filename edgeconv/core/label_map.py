"""Which class each label of recordings becomes, so that several data sets can speak of the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edgeconv.core.json_codec import decode_fields
from edgeconv.core.signal import label_faults
from edgeconv.errors import UsageError

KEYS = ("classes", "drop")
_EXAMPLE = 'write [classes] with lines such as Stairs = ["Upstairs", "Downstairs"]'


@dataclass(frozen=True)
class LabelMap:
    """Labels that are merged into one class, and labels whose windows are left out.

    A label that stands nowhere in it keeps its name, so an empty map changes nothing.

    Attributes:
        classes: the name of a class → the labels that become it.
        drop: labels whose windows are left out, with a count.
    """

    classes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    drop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for fault in label_faults(tuple(self.classes)):
            raise UsageError(f"label map: {fault}", "give each class a name on one line")
        empty = [name for name, labels in self.classes.items() if not labels]
        if empty:
            raise UsageError(f"label map: class '{empty[0]}' has no label", _EXAMPLE)
        for label in sorted(set(self.named)):
            if self.named.count(label) > 1:
                raise UsageError(
                    f"label map: '{label}' stands in it more than once",
                    "a label becomes one class, or is dropped",
                )

    def __bool__(self) -> bool:
        return bool(self.classes or self.drop)

    @property
    def named(self) -> tuple[str, ...]:
        """Every label that it says something about."""
        return (*(label for labels in self.classes.values() for label in labels), *self.drop)

    def class_of(self, label: str) -> str:
        """The class that a label becomes, whether its windows are left out or not."""
        return next((name for name, labels in self.classes.items() if label in labels), label)

    def merged(self, labels: Sequence[str]) -> tuple[str, ...]:
        """The classes of these labels, each once, in the order in which they first occur."""
        return tuple(dict.fromkeys(map(self.class_of, labels)))

    def sentence(self) -> str:
        """The map in words."""
        merges = [f"{', '.join(labels)} → {name}" for name, labels in self.classes.items()]
        left_out = [f"without {', '.join(self.drop)}"] if self.drop else []
        return "; ".join((*merges, *left_out))

    @classmethod
    def from_table(cls, table: object, where: str) -> LabelMap:
        """Read the table of a recipe or of a file.

        Args:
            table: with `classes`, a table of lists of labels, and `drop`, a list of labels.
            where: names the recipe or file in messages.

        Raises:
            UsageError: another key or value, or a label that stands in it more than once.
        """
        if not isinstance(table, Mapping):
            raise UsageError(f"{where}: a label map is a table, got {table!r}", _EXAMPLE)
        if unknown := sorted(set(table) - set(KEYS)):
            raise UsageError(f"{where}: unknown key '{unknown[0]}'", f"known: {', '.join(KEYS)}")
        classes = table.get("classes", {})
        if not isinstance(classes, Mapping):
            raise UsageError(f"{where}: classes = {classes!r} is not a table", _EXAMPLE)
        lists = {**classes, "drop": table.get("drop", [])}
        for name, labels in lists.items():
            if not isinstance(labels, list | tuple) or not all(isinstance(x, str) for x in labels):
                raise UsageError(f"{where}: {name} = {labels!r} is not a list of labels", _EXAMPLE)
        merged = {name: tuple(labels) for name, labels in classes.items()}
        return cls(merged, tuple(lists["drop"]))

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> LabelMap:
        return decode_fields(cls, data)
