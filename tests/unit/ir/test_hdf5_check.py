"""HDF5 files that another process reads first."""

from __future__ import annotations

import os
import signal
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from edgeconv.errors import BadInput
from edgeconv.ir import hdf5_check
from edgeconv.ir.hdf5_check import check_hdf5
from edgeconv.subprocesses import Answer, Channel


def write(path: Path, change: Callable[[h5py.File], object] = lambda _: None) -> Path:
    """A file as Keras lays one out, with one change."""
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = "3"
        file.create_dataset("layers/dense/vars/0", data=np.ones((4, 3), np.float32))
        file["layers/dense"].attrs["name"] = "dense"
        change(file)
    return path


def zipped(path: Path, content: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.weights.h5", content)
    return path


def test_whole_files_pass(tmp_path: Path) -> None:
    whole = write(tmp_path / "model.h5")
    check_hdf5(whole)
    check_hdf5(zipped(tmp_path / "model.keras", whole.read_bytes()), "model.weights.h5")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda file: file.update({"x": h5py.ExternalLink("/etc/hosts", "/")}), "link to another"),
        (lambda file: file.update({"x": h5py.SoftLink("/layers")}), "link to another place"),
        (
            lambda file: file.create_dataset("x", (4,), "f4", external=[("/etc/hosts", 0, 16)]),
            "the numbers of '/x' are in another file",
        ),
        (lambda file: file.create_dataset("x", (1 << 50,), "f4", chunks=(64,)), "claims 4,294,"),
    ],
)
def test_what_no_model_has_is_refused(
    tmp_path: Path, change: Callable[[h5py.File], object], reason: str
) -> None:
    path = write(tmp_path / "model.h5", change)
    with pytest.raises(BadInput, match=reason) as caught:
        check_hdf5(path)
    assert str(path) in caught.value.message


def test_a_virtual_dataset_is_refused(tmp_path: Path) -> None:
    other = write(tmp_path / "other.h5")

    def add(file: h5py.File) -> None:
        layout = h5py.VirtualLayout((4, 3), "f4")
        layout[:] = h5py.VirtualSource(other, "layers/dense/vars/0", (4, 3))
        file.create_virtual_dataset("x", layout)

    with pytest.raises(BadInput, match="the numbers of '/x' are in another file"):
        check_hdf5(write(tmp_path / "model.h5", add))


def test_a_group_that_holds_itself_ends(tmp_path: Path) -> None:
    check_hdf5(write(tmp_path / "model.h5", lambda file: file.update({"again": file["layers"]})))


def test_a_cut_file_names_its_entry(tmp_path: Path) -> None:
    content = write(tmp_path / "model.h5").read_bytes()
    path = zipped(tmp_path / "model.keras", content[: len(content) // 2])
    with pytest.raises(BadInput, match=r"'model\.weights\.h5' is a damaged or truncated HDF5"):
        check_hdf5(path, "model.weights.h5")


def test_a_file_that_never_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = tmp_path / "model.h5"
    os.mkfifo(endless)
    with monkeypatch.context() as impatient:
        impatient.setattr(hdf5_check, "_SECONDS", 0.5)
        with pytest.raises(BadInput, match="HDF5 finds no end in it"):
            check_hdf5(endless)
    check_hdf5(write(tmp_path / "other.h5"))  # by a new child


def test_a_file_that_takes_too_much_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hdf5_check, "_PROCESSOR_SECONDS", 1e-3)
    monkeypatch.setattr(hdf5_check, "_PART", 1 << 40)

    def add(file: h5py.File) -> None:
        for number in range(500):
            file[f"many/{number}"] = np.zeros(1000)

    with pytest.raises(BadInput, match="HDF5 finds no end in it"):
        check_hdf5(write(tmp_path / "model.h5", add))


def test_a_child_that_dies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(channel: Channel, head: dict[str, Any], payload: bytes, seconds: float) -> Answer:
        channel._child.send_signal(signal.SIGSEGV)
        return ask(channel, head, payload, seconds)

    ask = Channel.ask
    monkeypatch.setattr(Channel, "ask", kill)
    with pytest.raises(BadInput, match=r"HDF5 crashes on it \(signal 11\)"):
        check_hdf5(write(tmp_path / "model.h5"))


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path / "model.h5")
    check_hdf5(path)
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(BadInput):
        check_hdf5(path)


def read_here(path: Path) -> list[bytes]:
    numbers: list[bytes] = []
    with h5py.File(path) as file:
        file.visititems(
            lambda _, item: numbers.append(item[()].tobytes()) if hasattr(item, "dtype") else None
        )
    return numbers


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 1 << 14), value=st.integers(0, 255))
@example(place=152, value=0)  # only HDF5's own visit stumbles over this
def test_what_passes_can_be_read_here(tmp_path: Path, place: int, value: int) -> None:
    content = bytearray(write(tmp_path / "model.h5").read_bytes())
    content[place % len(content)] = value
    path = tmp_path / "changed.h5"
    path.write_bytes(content)
    with suppress(BadInput):
        check_hdf5(path)
        read_here(path)
