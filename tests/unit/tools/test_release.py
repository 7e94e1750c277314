"""Whether a release is refused for the right reason, and what PyPI will show."""

from __future__ import annotations

import gzip
import tarfile
from io import BytesIO

import pytest
import release

from tests.conftest import ROOT

PROJECT = '[project]\nname = "edgeconv"\nversion = "1.2.3"\n'


def sdist(date: int, owner: str) -> bytes:
    """A small archive as setuptools makes one: dates and owners of the files."""
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name in ("b.txt", "a.txt"):
            member = tarfile.TarInfo(name)
            member.size, member.mtime, member.uname = 4, date, owner
            tar.addfile(member, BytesIO(b"text"))
    return packed.getvalue()


def test_readme_links_are_absolute() -> None:
    text = "![report](docs/report.png) and [install](docs/install.md#extras), [tag](#here), [web](https://x.org/)"
    assert release.absolute_links(text, "owner/name", "v1.2.3") == (
        "![report](https://github.com/owner/name/raw/v1.2.3/docs/report.png) and "
        "[install](https://github.com/owner/name/blob/v1.2.3/docs/install.md#extras), "
        "[tag](#here), [web](https://x.org/)"
    )


def test_no_link_of_the_real_readme_stays_relative() -> None:
    text = release.absolute_links((ROOT / "README.md").read_text("utf-8"), "owner/name", "v1")
    targets = [match["target"] for match in release.LINK.finditer(text)]
    assert len(targets) > 10
    assert [target for target in targets if not target.startswith(("https://", "#"))] == []


def test_tag_has_to_name_the_version() -> None:
    assert release.check_version(PROJECT, "") == "1.2.3"
    assert release.check_version(PROJECT, "v1.2.3") == "1.2.3"
    with pytest.raises(release.Refused, match=r"version 1\.2\.3: expected v1\.2\.3"):
        release.check_version(PROJECT, "v1.2.4")


@pytest.mark.parametrize("heading", ["## Unreleased", "## 1.2.3", "## 1.2.30 - 2026-11-29"])
def test_changelog_without_a_dated_section_is_refused(heading: str) -> None:
    with pytest.raises(release.Refused, match=r"has no section of 1\.2\.3 with a date"):
        release.check_changelog(f"# Changelog\n\n{heading}\n", "1.2.3")


def test_changelog_with_a_dated_section_is_taken() -> None:
    release.check_changelog("# Changelog\n\n## Unreleased\n\n## 1.2.3 - 2026-11-29\n", "1.2.3")


def test_repository_is_checked_before_anything_is_built(capsys: pytest.CaptureFixture[str]) -> None:
    assert release.main(["--repository", "https://example.org/x"]) == 1
    assert "it takes OWNER/NAME" in capsys.readouterr().err


def test_source_distributions_of_two_dates_and_owners_become_the_same_bytes() -> None:
    first, second = sdist(1_700_000_000, "me"), sdist(1_700_000_050, "you")
    assert first != second
    same = release.dated(first, 1_600_000_000)
    assert same == release.dated(second, 1_600_000_000)
    with tarfile.open(fileobj=BytesIO(gzip.decompress(same))) as tar:
        assert [(one.name, one.mtime, one.uname) for one in tar] == [
            ("a.txt", 1_600_000_000, ""),
            ("b.txt", 1_600_000_000, ""),
        ]
        member = tar.extractfile("a.txt")
        assert member is not None
        assert member.read() == b"text"
