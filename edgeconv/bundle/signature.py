"""Signatures: ECDSA on P-256 with SHA-256, which phones and browsers verify by themselves.

A signature is r and s, 32 bytes each, as base64 text; a public key is a PEM file, and its body is
what a package embeds. A bundle's signature is over the bytes of its manifest, which names the
digest of every other file.
"""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from edgeconv.bundle.folder import MANIFEST, SIGNATURE, write_text
from edgeconv.core.paths import read_bytes
from edgeconv.errors import BadInput, UsageError
from edgeconv.plugins import import_package

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import (
        EllipticCurvePrivateKey,
        EllipticCurvePublicKey,
    )

_CURVE = "secp256r1"
_BYTES = 32
_NEW_KEY = "make a pair of keys: edgeconv keygen release.pem"


def new_keys(private: Path) -> Path:
    """Write a new private key and, beside it, its public key.

    Args:
        private: where the private key goes; only its owner may read the file.

    Returns:
        The path of the public key: that of the private one with the ending `.pub`.

    Raises:
        UsageError: one of the files exists, since a key is never replaced; or both would be one.
        BadInput: the place cannot be written.
        MissingDependency: cryptography is not installed.
    """
    ec, serialization = _ec(), _serialization()
    public = private.with_suffix(".pub")
    if public == private:
        raise UsageError(
            f"{private} is the name of a public key, which would replace the private one",
            "name the private key, such as release.pem",
        )
    for path in (private, public):
        if path.exists():
            raise UsageError(f"{path} exists, and keys are never replaced", "name another file")
    key = ec.generate_private_key(ec.SECP256R1())
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    try:
        with os.fdopen(os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(text)
    except OSError as error:
        raise BadInput(
            f"cannot write {private}: {error.strerror}", "name a file in a folder that exists"
        ) from error
    write_text(public, _public_pem(key.public_key()))
    return public


def read_private(path: Path) -> EllipticCurvePrivateKey:
    """Raises BadInput for a file that holds no private key on P-256 without a password."""
    try:
        key = _serialization().load_pem_private_key(_read(path), password=None)
    except (ValueError, TypeError) as error:
        raise BadInput(f"{path} holds no private key that can be read", _NEW_KEY) from error
    if not isinstance(key, _ec().EllipticCurvePrivateKey) or key.curve.name != _CURVE:
        raise BadInput(f"{path} holds another kind of key than ECDSA on P-256", _NEW_KEY)
    return cast("EllipticCurvePrivateKey", key)


def read_public(path: Path) -> EllipticCurvePublicKey:
    """Raises BadInput for a file that holds no public key on P-256."""
    content = _read(path)
    if b"PRIVATE KEY" in content:
        raise BadInput(
            f"{path} is a private key; it must stay with whoever signs",
            "give the public key, which lies beside it with the ending .pub",
        )
    try:
        key = _serialization().load_pem_public_key(content)
    except ValueError as error:
        raise BadInput(f"{path} holds no public key that can be read", _NEW_KEY) from error
    if not isinstance(key, _ec().EllipticCurvePublicKey) or key.curve.name != _CURVE:
        raise BadInput(f"{path} holds another kind of key than ECDSA on P-256", _NEW_KEY)
    return cast("EllipticCurvePublicKey", key)


def embedded_key(key: EllipticCurvePublicKey) -> str:
    """The key as a package holds it: base64 of its SubjectPublicKeyInfo."""
    return "".join(_public_pem(key).splitlines()[1:-1])


def sign(content: bytes, key: EllipticCurvePrivateKey) -> str:
    """The signature of bytes as text. The same bytes and key give the same signature."""
    r, s = _utils().decode_dss_signature(key.sign(content, _algorithm(deterministic=True)))
    raw = r.to_bytes(_BYTES, "big") + s.to_bytes(_BYTES, "big")
    return base64.b64encode(raw).decode() + "\n"


def is_signed_by(content: bytes, signature: str, key: EllipticCurvePublicKey) -> bool:
    """Whether the signature is of these bytes and by the owner of this key."""
    try:
        raw = base64.b64decode(signature.strip(), validate=True)
    except (ValueError, binascii.Error):
        return False
    if len(raw) != 2 * _BYTES:
        return False
    r, s = (int.from_bytes(half, "big") for half in (raw[:_BYTES], raw[_BYTES:]))
    try:
        key.verify(_utils().encode_dss_signature(r, s), content, _algorithm())
    except import_package("cryptography.exceptions").InvalidSignature:
        return False
    return True


def sign_bundle(folder: Path, key: EllipticCurvePrivateKey) -> None:
    """Write the signature of a bundle's manifest beside it."""
    write_text(folder / SIGNATURE, sign((folder / MANIFEST).read_bytes(), key))


def is_signed(folder: Path) -> bool:
    """Whether a signature lies beside the manifest, whoever made it."""
    return (folder / SIGNATURE).is_file()


def check_bundle_signature(folder: Path, key: EllipticCurvePublicKey) -> None:
    """Make sure that the manifest is signed with this key.

    Raises:
        BadInput: it has no signature, or another one.
    """
    path = folder / SIGNATURE
    if not is_signed(folder):
        raise BadInput(
            f"{folder} has no signature", "sign it: edgeconv sign BUNDLE --key PRIVATE_KEY"
        )
    manifest = (folder / MANIFEST).read_bytes()
    if not is_signed_by(manifest, path.read_text("utf-8", errors="replace"), key):
        raise BadInput(
            f"{path} is not the signature of this manifest by this key",
            "the bundle was changed since it was signed, or another key signed it",
        )


def _read(path: Path) -> bytes:
    try:
        return read_bytes(path)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}", _NEW_KEY) from error


def _public_pem(key: EllipticCurvePublicKey) -> str:
    serialization = _serialization()
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def _algorithm(deterministic: bool = False) -> Any:
    hashes = import_package("cryptography.hazmat.primitives.hashes")
    return _ec().ECDSA(hashes.SHA256(), deterministic_signing=deterministic)


def _ec() -> Any:
    return import_package("cryptography.hazmat.primitives.asymmetric.ec")


def _utils() -> Any:
    return import_package("cryptography.hazmat.primitives.asymmetric.utils")


def _serialization() -> Any:
    return import_package("cryptography.hazmat.primitives.serialization")
