"""Keys and signatures: what this key signed is accepted, and nothing else."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.bundle.signature import (
    check_bundle_signature,
    embedded_key,
    is_signed_by,
    new_keys,
    read_private,
    read_public,
    sign,
    sign_bundle,
)
from edgeconv.errors import BadInput, UsageError

ec = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ec")
serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
KEY = ec.derive_private_key(7, ec.SECP256R1())
OTHER = ec.derive_private_key(8, ec.SECP256R1())


@given(st.binary(max_size=300))
def test_a_signature_is_of_these_bytes_by_this_key(content: bytes) -> None:
    text = sign(content, KEY)
    assert len(base64.b64decode(text)) == 64
    assert text == sign(content, KEY)
    assert is_signed_by(content, text, KEY.public_key())
    assert not is_signed_by(content + b"x", text, KEY.public_key())
    assert not is_signed_by(content, text, OTHER.public_key())


@given(st.text(max_size=100))
def test_any_text_is_a_wrong_signature(text: str) -> None:
    assert not is_signed_by(b"content", text, KEY.public_key())


def test_keys_are_written_once_and_only_their_owner_reads_the_private_one(tmp_path: Path) -> None:
    private = tmp_path / "release.pem"
    public = new_keys(private)
    assert public == tmp_path / "release.pub"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert is_signed_by(b"x", sign(b"x", read_private(private)), read_public(public))
    assert len(base64.b64decode(embedded_key(read_public(public)))) == 91
    with pytest.raises(UsageError, match="never replaced"):
        new_keys(private)
    private.unlink()
    with pytest.raises(UsageError, match="never replaced"):
        new_keys(private)
    assert not private.exists()
    with pytest.raises(UsageError, match="the name of a public key"):
        new_keys(tmp_path / "other.pub")


def write_key(path: Path, key: object, password: bytes | None = None) -> Path:
    encryption = serialization.NoEncryption()
    if password:
        encryption = serialization.BestAvailableEncryption(password)
    path.write_bytes(
        key.private_bytes(  # type: ignore[attr-defined]
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
        )
    )
    return path


def test_other_keys_are_refused_by_name(tmp_path: Path) -> None:
    ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
    new_keys(tmp_path / "good.pem")
    other = write_key(tmp_path / "ed.pem", ed25519.Ed25519PrivateKey.generate())
    curve = write_key(tmp_path / "p384.pem", ec.generate_private_key(ec.SECP384R1()))
    locked = write_key(tmp_path / "locked.pem", KEY, b"secret")
    (tmp_path / "text.pem").write_text("no key")
    for path, words in (
        (other, "another kind of key"),
        (curve, "another kind of key"),
        (locked, "no private key"),
        (tmp_path / "good.pub", "no private key"),
        (tmp_path / "text.pem", "no private key"),
        (tmp_path / "absent.pem", "cannot be read"),
    ):
        with pytest.raises(BadInput, match=words):
            read_private(path)
    with pytest.raises(BadInput, match="is a private key"):
        read_public(tmp_path / "good.pem")
    with pytest.raises(BadInput, match="no public key"):
        read_public(tmp_path / "text.pem")


def test_a_manifest_that_changed_after_it_was_signed_is_refused(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_text("{}")
    with pytest.raises(BadInput, match="no signature"):
        check_bundle_signature(tmp_path, KEY.public_key())
    sign_bundle(tmp_path, KEY)
    check_bundle_signature(tmp_path, KEY.public_key())
    with pytest.raises(BadInput, match="not the signature"):
        check_bundle_signature(tmp_path, OTHER.public_key())
    manifest.write_text("{ }")
    with pytest.raises(BadInput, match="not the signature"):
        check_bundle_signature(tmp_path, KEY.public_key())
