"""Fetching over a real HTTP server on this machine: resuming, checking, unpacking."""

from __future__ import annotations

import hashlib
import io
import shutil
import ssl
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from edgeconv.core import NullProgress
from edgeconv.datasets import fetch as fetching
from edgeconv.datasets.fetch import PUBLISHED, download, fetch
from edgeconv.datasets.files import extract
from edgeconv.errors import BadInput, MissingDependency, UsageError

FILE = PUBLISHED["wisdm"].file
CONTENT = b"".join(b"33,Jogging,%d,0.1,9.8,0.2;\n" % n for n in range(60_000))


@dataclass
class Site:
    """What the server serves, and what it was asked for."""

    body: bytes = b""
    cut_after: int = 0  # bytes after which the connection is cut; 0: never
    etag: str = '"one"'
    asked: list[str] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def site() -> Iterator[Site]:
    state = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            state.asked.append(wanted)
            if self.path.startswith("/moved-to/"):
                self.send_response(302)
                self.send_header("Location", self.path.removeprefix("/moved-to/"))
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if self.path == "/missing":
                self.send_error(404)
                return
            start = 0
            if wanted and self.headers.get("If-Range") == state.etag:
                start = int(wanted.removeprefix("bytes=").rstrip("-"))
            body = state.body[start:]
            self.send_response(206 if start else 200)
            if start:
                end = len(state.body)
                self.send_header("Content-Range", f"bytes {start}-{end - 1}/{end}")
            self.send_header("ETag", state.etag)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: state.cut_after] if state.cut_after else body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}/archive.tar.gz"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


def archive(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def good_archive() -> bytes:
    return archive(("WISDM_ar_v1.1/readme.txt", b"hello"), (f"WISDM_ar_v1.1/{FILE}", CONTENT))


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table expects this test's content in place of the real file, which is not here."""
    blob = hashlib.sha1(b"blob %d\0" % len(CONTENT) + CONTENT).hexdigest()
    monkeypatch.setitem(fetching.PUBLISHED, "wisdm", replace(PUBLISHED["wisdm"], blob=blob))


@pytest.mark.usefixtures("published")
def test_fetches_checks_and_unpacks(site: Site, tmp_path: Path) -> None:
    site.body = good_archive()
    file = fetch("wisdm", tmp_path / "new", site.url)
    assert file.read_bytes() == CONTENT
    assert [p.name for p in file.parent.iterdir()] == [FILE]
    assert fetch("wisdm", tmp_path / "new", site.url) == file
    assert site.asked == [""]  # not fetched again


@pytest.mark.usefixtures("published")
def test_continues_after_a_cut_connection(site: Site, tmp_path: Path) -> None:
    site.body, site.cut_after = good_archive(), 20_000
    with pytest.raises(BadInput, match="broke off") as error:
        fetch("wisdm", tmp_path, site.url)
    assert "20,000 bytes" in error.value.hint
    site.cut_after = 0
    assert fetch("wisdm", tmp_path, site.url).read_bytes() == CONTENT
    assert site.asked == ["", "bytes=20000-"]


@pytest.mark.usefixtures("published")
def test_a_second_process_waits_for_the_first(site: Site, tmp_path: Path) -> None:
    site.body = good_archive()
    with ThreadPoolExecutor() as threads:
        files = list(threads.map(lambda _: fetch("wisdm", tmp_path, site.url), range(3)))
    assert files == [tmp_path / FILE] * 3
    assert site.asked == [""]
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.usefixtures("published")
def test_starts_over_when_the_file_changed_meanwhile(site: Site, tmp_path: Path) -> None:
    site.body, site.cut_after = bytes(50_000), 20_000
    with pytest.raises(BadInput):
        fetch("wisdm", tmp_path, site.url)
    site.body, site.cut_after, site.etag = good_archive(), 0, '"two"'
    assert fetch("wisdm", tmp_path, site.url).read_bytes() == CONTENT


def test_other_content_is_kept_aside_and_refused(site: Site, tmp_path: Path) -> None:
    site.body = good_archive()
    with pytest.raises(BadInput, match="not what was published") as error:
        fetch("wisdm", tmp_path, site.url)
    aside = tmp_path / f"{FILE}.unverified"
    assert str(aside) in error.value.hint
    assert aside.read_bytes() == CONTENT
    assert not (tmp_path / FILE).exists()
    assert fetch("wisdm", tmp_path, site.url, accept_other=True).read_bytes() == CONTENT


@pytest.mark.usefixtures("published")
def test_file_address(tmp_path: Path) -> None:
    source = tmp_path / "mirror.tar.gz"
    source.write_bytes(good_archive())
    assert fetch("wisdm", tmp_path / "out", source.as_uri()).read_bytes() == CONTENT
    with pytest.raises(BadInput, match="No such file"):
        fetch("wisdm", tmp_path / "other", (tmp_path / "nowhere").as_uri())


def test_server_says_no_or_is_not_there(site: Site, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="404"):
        fetch("wisdm", tmp_path, site.url.replace("archive.tar.gz", "missing"))
    with pytest.raises(MissingDependency, match="cannot be reached") as error:
        fetch("wisdm", tmp_path, "http://127.0.0.1:1/x.tar.gz")
    assert (error.value.exit_code, "--url" in error.value.hint) == (5, True)


def test_other_words(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be fetched"):
        fetch("imagenet", tmp_path)
    for address in ("ftp://example.org/x", "http://example.org/x", "example.org/x"):
        with pytest.raises(UsageError, match="neither https nor file"):
            fetch("wisdm", tmp_path, address)


def test_every_published_address_has_tls() -> None:
    assert [entry.url for entry in PUBLISHED.values() if not entry.url.startswith("https:")] == []


@pytest.mark.parametrize("elsewhere", ["http://example.org/x", "ftp://example.org/x"])
def test_redirection_to_an_address_without_tls_is_refused(
    site: Site, tmp_path: Path, elsewhere: str
) -> None:
    moved = site.url.replace("archive.tar.gz", f"moved-to/{elsewhere}")
    with pytest.raises(UsageError, match="neither https nor file"):
        download(moved, tmp_path / "x", NullProgress())
    assert list(tmp_path.iterdir()) == []


def test_redirection_on_this_machine_is_followed(site: Site, tmp_path: Path) -> None:
    site.body = b"content"
    moved = site.url.replace("archive.tar.gz", f"moved-to/{site.url}")
    assert download(moved, tmp_path / "x", NullProgress()).read_bytes() == b"content"


def test_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    files = [
        "-addext",
        "subjectAltName=DNS:localhost",
        "-keyout",
        str(key),
        "-out",
        str(certificate),
    ]
    subprocess.run([*made, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        with pytest.raises(MissingDependency, match="certificate verify failed"):
            download(
                f"https://localhost:{server.server_address[1]}/x", tmp_path / "x", NullProgress()
            )
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_ctrl_c_keeps_what_came(site: Site, tmp_path: Path) -> None:
    site.body = bytes(1_000_000)

    class Interrupting(NullProgress):
        def update(self, done: int, total: int, note: str = "") -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(site.url, tmp_path / "x", Interrupting())
    kept = (tmp_path / "x.part").stat().st_size
    assert 0 < kept < 1_000_000
    download(site.url, tmp_path / "x", NullProgress())
    assert (tmp_path / "x").read_bytes() == site.body
    assert site.asked[1] == f"bytes={kept}-"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


FULL_DISK = """
import resource, sys
from pathlib import Path
from edgeconv.datasets.fetch import download
from edgeconv.errors import BadInput
from edgeconv.core import NullProgress
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
try:
    download(sys.argv[1], Path(sys.argv[2]), NullProgress())
except BadInput as error:
    sys.exit(str(error))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of the file size")
def test_a_full_disk_keeps_what_came(site: Site, tmp_path: Path) -> None:
    """The largest file size of a process stands in for the size of the disk."""
    site.body = bytes(range(256)) * 4000
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, site.url, str(tmp_path / "x")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "x").exists()
    assert (tmp_path / "x.part").stat().st_size > 0
    assert download(site.url, tmp_path / "x", NullProgress()).read_bytes() == site.body
    assert site.asked[1].startswith("bytes=")


def test_folder_that_is_a_file(site: Site, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    with pytest.raises(BadInput, match="cannot be written"):
        fetch("wisdm", tmp_path / "f", site.url)


def member(name: str, kind: bytes, link: str = "") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, link
        tar.addfile(info)
    return out.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        member(FILE, tarfile.SYMTYPE, "/etc/passwd"),
        member(FILE, tarfile.LNKTYPE, "../../etc/passwd"),
        member(FILE, tarfile.DIRTYPE),
        member(FILE, tarfile.FIFOTYPE),
        archive(("other.txt", b"x")),
        archive((f"../../{FILE}", b"climbs out")),
        good_archive()[:30_000],
        b"<html>404</html>",
        b"",
    ],
    ids=["symlink", "hardlink", "folder", "fifo", "other", "climbing", "cut", "html", "empty"],
)
def test_unsafe_or_damaged_archives(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "in").mkdir()
    source = tmp_path / "in" / "a.tar.gz"
    source.write_bytes(content)
    with pytest.raises(BadInput):
        extract(source, FILE, tmp_path / "in" / FILE)
    assert [p.name for p in (tmp_path / "in").iterdir()] == ["a.tar.gz"]


def test_too_large_a_member(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgeconv.datasets.files.LARGEST_MEMBER", 1000)
    (tmp_path / "a").write_bytes(good_archive())
    with pytest.raises(BadInput, match="would unpack to"):
        extract(tmp_path / "a", FILE, tmp_path / FILE)
