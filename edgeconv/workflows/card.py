"""`edgeconv card`: a bundle's model card and bill of materials, written and checked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from edgeconv import bundle as bundles
from edgeconv.core import PathLike, as_path
from edgeconv.core.json_codec import damage, encode_fields
from edgeconv.core.paths import files as files_of
from edgeconv.core.paths import sha256
from edgeconv.errors import BadInput, UsageError
from edgeconv.reporting.bill_of_materials import file_digests, render_bom
from edgeconv.reporting.model_card import CardFacts, render_card

CARD = "MODEL_CARD.md"
BOM = "bom.cdx.json"
_NAME = r"\(*[A-Za-z0-9][A-Za-z0-9.-]*\+?\)*"
_SPDX = re.compile(rf"{_NAME}( (AND|OR|WITH) {_NAME})*")


@dataclass(frozen=True, kw_only=True)
class CardOptions:
    """What the owner of a model says of it.

    Attributes:
        name: of the model; empty: the recipe's, or the folder's.
        license: SPDX expression; empty: the card says that it is not stated.
        supplier: who answers for the model; empty: the same.
        force: replace a card that says something else.
    """

    name: str = ""
    license: str = ""
    supplier: str = ""
    force: bool = False


@dataclass(frozen=True)
class WrittenCard:
    """Where the files are.

    Attributes:
        manifest: sha256 of the manifest that they were made from.
        files: how many files of the bundle they name.
    """

    model_card: Path
    bom: Path
    manifest: str
    files: int

    def to_json(self) -> dict[str, object]:
        return encode_fields(self)


def write_card(
    bundle: PathLike, out: PathLike | None = None, options: CardOptions | None = None
) -> WrittenCard:
    """Write `MODEL_CARD.md` and `bom.cdx.json`.

    Args:
        bundle: the bundle's folder.
        out: the folder to write them to; None: the bundle.
        options: what the owner says of the model.

    Returns:
        Where they are.

    Raises:
        BadInput: not a bundle, or one with changed files; or a place that cannot be written.
        UsageError: a card stands there that says something else, and `force` is off; or the
            license is no SPDX expression.
    """
    options = options or CardOptions()
    if options.license and not _SPDX.fullmatch(options.license):
        raise UsageError(
            f"'{options.license}' is not a license as SPDX writes it",
            "give an identifier of spdx.org/licenses, such as Apache-2.0, or LicenseRef-NAME for a "
            "license of your own; several are joined by AND or OR",
        )
    folder = as_path(bundle, "bundle")
    read = bundles.read_bundle(folder)
    target = folder if out is None else as_path(out, "out")
    recipe = read.recipe.name if read.recipe else ""
    facts = CardFacts(
        name=options.name or recipe or folder.resolve().name,
        license=options.license,
        supplier=options.supplier,
        manifest=sha256(folder / bundles.MANIFEST),
        files=bundle_files(folder),
    )
    card, bom = render_card(read, facts), render_bom(read, facts)
    if not options.force:
        _check_not_edited(target / CARD, card)
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"cannot make {target}: {error.strerror}", "name another --out") from error
    bundles.write_text(target / CARD, card)
    bundles.write_text(target / BOM, bom)
    return WrittenCard(target / CARD, target / BOM, facts.manifest, len(facts.files))


def bundle_files(folder: Path) -> dict[str, str]:
    """sha256 of the manifest and of every file that it names; those of packages one by one."""
    names = (bundles.MANIFEST, *bundles.named_files(folder))
    present = (folder / name for name in names if (folder / name).exists())
    each = (file for path in present for file in files_of(path))
    return {file.relative_to(folder).as_posix(): sha256(file) for file in each}


def check_card(folder: Path) -> tuple[str, ...]:
    """Make sure that a card and a bill of materials in a bundle are of its manifest and files.

    The card's text is its owner's to complete; what it was made from is not.

    Returns:
        The names of those that are there.

    Raises:
        BadInput: one of them was made from another manifest, or cannot be read.
    """
    again = f"write it again: edgeconv card {folder} --force"
    card, bom = folder / CARD, folder / BOM
    facts = CardFacts(name="", manifest=sha256(folder / bundles.MANIFEST))
    try:
        if card.is_file() and facts.mark not in card.read_text("utf-8"):
            raise BadInput(f"{card} was made from another manifest than the bundle has now", again)
        if bom.is_file() and file_digests(bom.read_text("utf-8")) != bundle_files(folder):
            raise BadInput(f"{bom} does not name the files that the bundle has now", again)
    except (OSError, ValueError) as error:
        raise BadInput(f"{card} or {bom} cannot be read: {damage(error)}", again) from error
    return tuple(path.name for path in (card, bom) if path.is_file())


def _check_not_edited(path: Path, card: str) -> None:
    try:
        differs = path.exists() and path.read_text("utf-8") != card
    except (OSError, ValueError):
        differs = True
    if differs:
        raise UsageError(
            f"{path} exists and says something else",
            "pass --force to replace it, or name another --out",
        )
