"""A file that is not what the manifest says is refused, whatever the manifest says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgeconv.bundle.integrity import check_unchanged
from edgeconv.core.digest import sha256
from edgeconv.errors import BadInput


def test_an_unchanged_file_passes(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("Walking\n")
    check_unchanged(tmp_path, {"labels.txt": sha256(tmp_path / "labels.txt")})


@pytest.mark.parametrize("digest", ["0" * 64, "", None, -1, []])
def test_another_digest_is_refused(tmp_path: Path, digest: Any) -> None:
    (tmp_path / "labels.txt").write_text("Walking\n")
    with pytest.raises(BadInput, match=r"labels\.txt has changed since"):
        check_unchanged(tmp_path, {"labels.txt": digest})


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="but it is missing"):
        check_unchanged(tmp_path, {"labels.txt": "0" * 64})
