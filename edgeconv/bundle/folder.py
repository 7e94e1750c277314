"""The files of a bundle's folder, which holds exactly what its manifest names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from edgeconv.bundle.reference import FILE as REFERENCE
from edgeconv.core.json_codec import damage
from edgeconv.core.paths import sha256
from edgeconv.errors import BadInput
from edgeconv.targets.base import suffixes

MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"  # of exactly these bytes of the manifest
MODEL = "model.keras"
COMPRESSED = "compressed"  # fine-tuned networks, one file a compression
GOLDEN_ARRAYS = "golden/golden.npz"
LABELS, PARITY, PROFILE = "labels.txt", "parity.json", "profile.json"
LAYERS = "layers.json"
VOCABULARY = "vocabulary.txt"  # the word of each token, one a line
TEST_SAMPLES = "test.npz"  # texts as tokens: the held-out part
CALIBRATION_SAMPLES = "calibration.npz"  # and some of the training part
INPUTS = "inputs.json"  # the input profile: statistics of the training subjects' readings
_AGAIN = "export it again, or put the original file back"
_REPRODUCIBLE = {
    REFERENCE: "remove it: Keras then runs again",
    PARITY: "remove it, and let `edgeconv parity` measure again",
    PROFILE: "remove it, and measure again",
    LAYERS: "remove it, and let `edgeconv parity --layers` measure again",
}
"""Files that can be made again from the others, and how; a bundle may lack them."""


def read_vocabulary(folder: Path) -> tuple[str, ...]:
    """The word of each token of a bundle's model; empty where it has no vocabulary.

    Raises:
        BadInput: the file cannot be read.
    """
    path = folder / VOCABULARY
    if not path.is_file():
        return ()
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read: {damage(error)}", _AGAIN) from error
    return tuple(text.removesuffix("\n").split("\n"))  # a word may hold what splitlines breaks at


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all.

    Raises:
        BadInput: the place cannot be written.
    """
    part = path.with_name(path.name + ".part")
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, "utf-8")  # a pipe or device: nothing to replace
            return
        part.write_text(text, "utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise unwritable(path, error) from error


def append_text(path: Path, text: str) -> None:
    """Add to the end of a text file, which need not exist: others write into it too.

    Raises:
        BadInput: the place cannot be written.
    """
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(out: Path, error: BaseException) -> BadInput:
    """`out` is named, not the file that a copy began with or a temporary name nobody knows."""
    reason = "No space left on device"
    if isinstance(error, OSError):
        reason = error.strerror or str(error)
    hint = "free some space or name another place; nothing that was there before is lost"
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        hint = "name a place in a folder that exists"
    return BadInput(f"cannot write {out}: {reason}", hint)


def digests(folder: Path) -> dict[str, str]:
    """Digests of the files, beside models and artifacts, that results are based on."""
    outputs = sorted(f"{COMPRESSED}/{p.name}" for p in (folder / COMPRESSED).glob("*.npz"))
    names = (
        LABELS,
        PARITY,
        PROFILE,
        LAYERS,
        REFERENCE,
        INPUTS,
        VOCABULARY,
        TEST_SAMPLES,
        CALIBRATION_SAMPLES,
        GOLDEN_ARRAYS,
        *outputs,
    )
    return {name: sha256(folder / name) for name in names if (folder / name).is_file()}


def check_unchanged(folder: Path, named: Mapping[str, str]) -> None:
    """Make sure that each file has the digest that the manifest gives it.

    Raises:
        BadInput: some are missing or have changed; each is named.
    """
    wrong: list[str] = []
    cures: list[str] = []
    for name, digest in named.items():
        path, cure = folder / name, _how_to_reproduce(name)
        if not path.exists():
            if not cure:
                wrong.append(f"{path} is named in the manifest, but it is missing")
                cures.append("export it again")
        elif sha256(path) != digest:
            wrong.append(
                f"{path} has changed since the manifest was written: its sha256 is not "
                f"{str(digest)[:12]}…"
            )
            cures.append(cure or _AGAIN)
    if wrong:
        raise BadInput("; ".join(wrong), "; ".join(dict.fromkeys(cures)))


def _how_to_reproduce(name: str) -> str:
    """How to make a file again; empty if that is not possible."""
    outputs = name.startswith(f"{COMPRESSED}/") and name.endswith(".npz")
    return _REPRODUCIBLE[REFERENCE] if outputs else _REPRODUCIBLE.get(name, "")


def check_complete(folder: Path, artifacts: Iterable[str]) -> None:
    """Make sure that the folder has no artifact that the manifest does not name: an app team could
    ship it unchecked.

    Raises:
        BadInput: there is one.
    """
    known = set(artifacts)
    for path in sorted(folder.iterdir()):
        if path.name.endswith(suffixes()) and path.name not in known:
            raise BadInput(
                f"{path} is not in the manifest, so it was not checked",
                "move it out of the bundle, or export it into one",
            )
