"""Build the files of a release: `python tools/release.py --repository OWNER/NAME [--out dist]`.

What is built is the commit that is checked out, never the working tree. The README gets absolute
links and the metadata the addresses of the project, since PyPI shows both away from the
repository. Source distribution and wheel are built twice, in two folders; they have to be the same
bytes. `SHA256SUMS` lists their digests.

A release is refused if the working tree has changes, if CHANGELOG.md has no dated section of the
version, or if a tag is given (`--tag v1.2.3`) that is not this version's. `--rehearsal` asks
for none of these but the tag, so that CI can build the files of any commit.

Needs `build`, `setuptools` and `twine`: `make dist` has them in an environment of their own.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")
DATED = r"^## {version} [-–—] \d{{4}}-\d{{2}}-\d{{2}}$"
NAME = re.compile(r"[\w.-]+/[\w.-]+")


class Refused(Exception):
    """This commit cannot be released; the message says why and what to do."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="build the files of a release")
    parser.add_argument("--repository", required=True, help="OWNER/NAME of the public repository")
    parser.add_argument("--tag", default="", help="the tag that is released; refused if not ours")
    parser.add_argument(
        "--rehearsal", action="store_true", help="allow changes and an undated changelog"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder of the files")
    options = parser.parse_args(arguments)
    try:
        release(options.repository, options.out, tag=options.tag, rehearsal=options.rehearsal)
    except Refused as refusal:
        print(f"error: {refusal}", file=sys.stderr)
        return 1
    return 0


def release(repository: str, out: Path, *, tag: str, rehearsal: bool) -> None:
    """Build, compare, check and write the files of the commit that is checked out."""
    if not NAME.fullmatch(repository):
        raise Refused(f"--repository is {repository!r}; it takes OWNER/NAME")
    if not rehearsal and git("status", "--porcelain").strip():
        raise Refused("the working tree has changes; commit or stash them first")
    if out.exists() and any(out.iterdir()):
        raise Refused(f"{out} is not empty; remove it or choose another folder with --out")
    version = check_version((ROOT / "pyproject.toml").read_text("utf-8"), tag)
    if not rehearsal:
        check_changelog((ROOT / "CHANGELOG.md").read_text("utf-8"), version)
    files = build(repository, f"v{version}")
    if files != build(repository, f"v{version}"):
        raise Refused("two builds of this commit differ; setuptools or a file list is not stable")
    out.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (out / name).write_bytes(content)
    twine = [
        sys.executable,
        "-m",
        "twine",
        "check",
        "--strict",
        *(str(out / name) for name in files),
    ]
    subprocess.run(twine, check=True)
    sums = "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    (out / "SHA256SUMS").write_text(sums)
    print(sums, end="")


def check_version(project: str, tag: str) -> str:
    """The version of the project file; the tag, if there is one, has to name it."""
    version = str(tomllib.loads(project)["project"]["version"])
    if tag and tag != f"v{version}":
        raise Refused(
            f"the tag is {tag}, but pyproject.toml has version {version}: expected v{version}"
        )
    return version


def check_changelog(text: str, version: str) -> None:
    """Refuse a version without a dated section."""
    if not re.search(DATED.format(version=re.escape(version)), text, re.MULTILINE):
        raise Refused(
            f"CHANGELOG.md has no section of {version} with a date; "
            f"rename Unreleased to '## {version} - YYYY-MM-DD'"
        )


def build(repository: str, ref: str) -> dict[str, bytes]:
    """Source distribution and wheel of the commit, by file name."""
    date = int(git("log", "-1", "--format=%ct"))
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(date)}
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        archive = subprocess.run(
            ["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True
        )
        with tarfile.open(fileobj=BytesIO(archive.stdout)) as tar:
            tar.extractall(tree, filter="data")
        address(tree, repository, ref)
        command = [
            sys.executable,
            "-m",
            "build",
            "--no-isolation",
            "--outdir",
            f"{folder}/dist",
            str(tree),
        ]
        built = subprocess.run(command, env=environment, capture_output=True, text=True)
        if built.returncode:
            raise Refused(f"the build failed:\n{built.stdout}{built.stderr}")
        files = {path.name: path.read_bytes() for path in (Path(folder) / "dist").iterdir()}
    return {
        name: dated(content, date) if name.endswith(".tar.gz") else content
        for name, content in files.items()
    }


def dated(archive: bytes, date: int) -> bytes:
    """The same source distribution with one date and no owner, instead of those of each file."""
    packed = BytesIO()
    with (
        tarfile.open(fileobj=BytesIO(archive)) as source,
        gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=date) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as target,
    ):
        for member in sorted(source.getmembers(), key=lambda one: one.name):
            member.mtime, member.uid, member.gid, member.uname, member.gname = date, 0, 0, "", ""
            member.pax_headers = {}
            target.addfile(member, source.extractfile(member) if member.isfile() else None)
    return packed.getvalue()


def address(tree: Path, repository: str, ref: str) -> None:
    """Give the README absolute links and the metadata the addresses of the project."""
    readme = tree / "README.md"
    readme.write_text(absolute_links(readme.read_text("utf-8"), repository, ref), "utf-8")
    project = tree / "pyproject.toml"
    home = f"https://github.com/{repository}"
    urls = {
        "Homepage": home,
        "Documentation": f"{home}/blob/{ref}/docs/index.md",
        "Changelog": f"{home}/blob/{ref}/CHANGELOG.md",
        "Issues": f"{home}/issues",
    }
    lines = "".join(f'{name} = "{url}"\n' for name, url in urls.items())
    project.write_text(project.read_text("utf-8") + f"\n[project.urls]\n{lines}", "utf-8")


def absolute_links(text: str, repository: str, ref: str) -> str:
    """Markdown with each link to a file of the repository replaced by its address at a tag."""

    def replace(match: re.Match[str]) -> str:
        target = match["target"]
        if target.startswith(("http://", "https://", "#", "mailto:")):
            return match[0]
        kind = "raw" if match["image"] else "blob"
        absolute = f"https://github.com/{repository}/{kind}/{ref}/{target}"
        return f"{match['image']}[{match['text']}]({absolute})"

    return LINK.sub(replace, text)


def git(*words: str) -> str:
    """What a git command prints in this repository."""
    ran = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    return ran.stdout


if __name__ == "__main__":
    sys.exit(main())
