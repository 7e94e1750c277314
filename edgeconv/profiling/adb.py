"""A phone connected through `adb`: its properties, copies to and from it, commands on it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

from edgeconv.errors import BadInput, MissingDependency, UsageError

_SECONDS = 600
_PROPERTIES = {
    "manufacturer": "ro.product.manufacturer",
    "model": "ro.product.model",
    "android": "ro.build.version.release",
    "processor": "ro.soc.model",
    "architecture": "ro.product.cpu.abi",
}
_STATES = {
    "unauthorized": "has not allowed this computer: unlock it and accept the dialogue",
    "offline": "does not respond: plug it in again, or run adb kill-server",
}


class Adb:
    """One device.

    Args:
        serial: as `adb devices` lists it; empty for the only connected device.

    Raises:
        MissingDependency: `adb` is not installed.
        UsageError: no such device, or several and no serial.
        BadInput: the device is connected, but not usable.
    """

    def __init__(self, serial: str = "") -> None:
        self._adb = _find()
        self.serial = self._choose(serial)

    def describe(self) -> dict[str, str]:
        """Make, model, Android version, processor and architecture, if the device reports them."""
        properties = {k: self.shell(["getprop", p]).strip() for k, p in _PROPERTIES.items()}
        known = {k: v for k, v in properties.items() if v}
        return {**known, "system": f"Android {known.get('android', '')}".strip()}

    def shell(self, command: list[str]) -> str:
        """The output of a command on the device, errors included.

        Raises:
            BadInput: it failed; the message has its last line of output.
        """
        process = self._run("shell", shlex.join(command))
        if process.returncode:
            last = (process.stdout.strip().splitlines() or ["no message"])[-1]
            raise BadInput(
                f"{command[0]} failed on {self.serial} with exit code {process.returncode}: {last}",
                "run it by hand: adb shell " + shlex.join(command),
            )
        return process.stdout

    def has(self, path: str) -> bool:
        """Whether an executable file exists on the device."""
        return self._run("shell", f"test -x {shlex.quote(path)}").returncode == 0

    def push(self, local: Path, remote: str) -> None:
        """Raises BadInput if adb cannot copy."""
        self._copy("push", str(local), remote)

    def pull(self, remote: str, local: Path) -> None:
        """Raises BadInput if adb cannot copy."""
        self._copy("pull", remote, str(local))

    def _copy(self, verb: str, source: str, target: str) -> None:
        process = self._run(verb, source, target)
        if process.returncode:
            last = (process.stdout.strip().splitlines() or ["no message"])[-1]
            hint = "check the free space on the device" if verb == "push" else ""
            raise BadInput(f"adb {verb} {source}: {last}", hint)

    def _choose(self, serial: str) -> str:
        listed = dict(_devices(self._call("devices").stdout))
        if serial and serial not in listed:
            raise UsageError(
                f"adb sees no device '{serial}'", f"it sees: {', '.join(listed) or 'none'}"
            )
        if not listed:
            raise UsageError("adb sees no device", "plug a phone in and allow USB debugging on it")
        if not serial and len(listed) > 1:
            raise UsageError(
                f"adb sees {len(listed)} devices",
                f"name one: --device adb:SERIAL with {' or '.join(listed)}",
            )
        chosen = serial or next(iter(listed))
        if listed[chosen] != "device":
            state = listed[chosen]
            raise BadInput(
                f"{chosen} is {state}: it {_STATES.get(state, 'cannot be used in this state')}"
            )
        return chosen

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._call("-s", self.serial, *arguments)

    def _call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                [self._adb, *arguments],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                text=True,
                errors="replace",
                timeout=_SECONDS,
                check=False,
            )
        except (subprocess.TimeoutExpired, OSError) as error:
            raise BadInput(f"adb {arguments[0]} failed: {error}") from error


def _find() -> str:
    """The program `adb`: on the path, or in the Android SDK."""
    home = os.environ.get("ANDROID_HOME", "")
    in_sdk = shutil.which("adb", path=str(Path(home) / "platform-tools")) if home else None
    program = shutil.which("adb") or in_sdk
    if program is None:
        raise MissingDependency(
            "the program 'adb' is not installed",
            "install Android's platform-tools (Debian: apt install adb)",
        )
    return program


def _devices(text: str) -> list[tuple[str, str]]:
    """(serial, state) from `adb devices`, whose first line is a heading."""
    rows = [line.split("\t") for line in text.splitlines() if "\t" in line]
    return [(row[0].strip(), row[1].strip()) for row in rows]
