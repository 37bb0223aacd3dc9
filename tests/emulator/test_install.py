"""Finding and fetching Julia. The real packages are fetched by `make setup`; here are the pieces that can go wrong."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import os
import shutil
import sys
import tarfile
import threading
import time
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress

from engee_kernel.emulator import debian, install
from engee_kernel.emulator.command import main
from engee_kernel.emulator.failures import InstallError
from engee_kernel.emulator.julia import JuliaNotFoundError, find_julia, installed_julia, record_installed
from engee_kernel.emulator.official import fetch, unpack_official

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="shell scripts as programs")
CONTENT = bytes(range(256)) * 4000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class FileServer:
    """Serves `files` by path, understands Range, and breaks off after `cut_at` bytes as often as `cuts` says."""

    def __init__(self):
        self.files: dict[str, bytes] = {}
        self.cuts = 0
        self.cut_at = 100_000
        self.ranges: list[str | None] = []
        self.knows_ranges = True
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_HEAD(self):
                self.send_response(200)
                self.end_headers()

            def do_GET(self):
                content = outer.files[self.path]
                wanted = self.headers.get("Range")
                outer.ranges.append(wanted)
                start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and outer.knows_ranges else 0
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(content) - start))
                self.end_headers()
                end = len(content)
                if outer.cuts > 0:
                    outer.cuts -= 1
                    end = start + outer.cut_at
                self.wfile.write(content[start:end])

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        self.thread = threading.Thread(target=self.http.serve_forever)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join(10)


@pytest.fixture
def files():
    with FileServer() as server:
        server.files["/julia.bin"] = CONTENT
        yield server


@pytest.fixture
def progress():
    with Progress(console=Console(file=io.StringIO())) as bar:
        yield bar


def fetch_it(files, path, progress, sha256=DIGEST):
    fetch(f"{files.url}/julia.bin", path, size=len(CONTENT), sha256=sha256, progress=progress)


def test_a_download_that_is_cut_off_goes_on(files, tmp_path, progress):
    files.cuts = 2
    fetch_it(files, tmp_path / "julia.bin", progress)
    assert files.ranges == [None, "bytes=100000-", "bytes=200000-"]
    assert (tmp_path / "julia.bin").read_bytes() == CONTENT
    assert progress.tasks[0].completed == len(CONTENT)


def test_the_next_run_goes_on_too(files, tmp_path, progress):
    files.cuts = 4
    with pytest.raises(InstallError, match="the next try goes on from there"):
        fetch_it(files, tmp_path / "julia.bin", progress)
    assert not (tmp_path / "julia.bin").exists()
    fetch_it(files, tmp_path / "julia.bin", progress)
    assert files.ranges[-1] == "bytes=400000-"


def test_a_server_that_knows_no_ranges(files, tmp_path, progress):
    files.knows_ranges = False
    files.cuts = 1
    fetch_it(files, tmp_path / "julia.bin", progress)
    assert (tmp_path / "julia.bin").read_bytes() == CONTENT


def test_a_wrong_checksum_is_thrown_away(files, tmp_path, progress):
    with pytest.raises(InstallError, match="checksum"):
        fetch_it(files, tmp_path / "julia.bin", progress, sha256="0" * 64)
    assert list(tmp_path.iterdir()) == []


@posix_only
def test_the_official_build_from_a_list_to_a_program(files, tmp_path, progress, monkeypatch):
    """A server of our own in the place of Julia's: the same list, the same kind of archive."""
    library = pytest.importorskip("juliapkg.install_julia")
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        script = b"#!/bin/sh\nprintf 2\n"
        entry = tarfile.TarInfo("julia-1.11.1/bin/julia")
        entry.size, entry.mode = len(script), 0o755
        tar.addfile(entry, io.BytesIO(script))
    libc = library.get_libc() or "gnu"
    file = {
        "url": f"{files.url}/julia-1.11.1.tar.gz",
        "version": "1.11.1",
        "os": library.get_os(),
        "arch": library.get_arch(),
        "triplet": f"{library.get_arch()}-{library.get_os()}-{libc}",
        "sha256": hashlib.sha256(archive.getvalue()).hexdigest(),
        "size": len(archive.getvalue()),
    }
    files.files["/julia-1.11.1.tar.gz"] = archive.getvalue()
    files.files["/versions.json"] = json.dumps({"1.11.1": {"stable": True, "files": [file]}}).encode()
    monkeypatch.setattr(library, "_julia_versions_url", f"{files.url}/versions.json")
    monkeypatch.setattr(library, "_all_julia_versions", None)
    install.put_in_place(tmp_path, "official", unpack_official, Console(file=io.StringIO()))
    assert installed_julia(tmp_path) == tmp_path / "official" / "julia" / "bin" / "julia"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["official"]


def test_an_official_server_out_of_reach_is_given_up_soon(tmp_path, progress, monkeypatch):
    library = pytest.importorskip("juliapkg.install_julia")
    monkeypatch.setattr(library, "_julia_versions_url", "http://127.0.0.1:9/versions.json")
    began = time.monotonic()
    with pytest.raises(InstallError, match="cannot be reached"):
        unpack_official(tmp_path, tmp_path, progress)
    assert time.monotonic() - began < 10


def a_julia(folder: Path, _downloads: Path, _progress: Progress) -> Path:
    executable = folder / "bin" / "julia"
    executable.parent.mkdir()
    executable.write_text("#!/bin/sh\nprintf 2\n", encoding="utf-8")
    executable.chmod(0o755)
    return executable


@posix_only
def test_all_or_nothing(tmp_path):
    def breaks_off(folder, downloads, progress):
        a_julia(folder, downloads, progress)
        (downloads / "kept").write_text("for the next try", encoding="utf-8")
        raise InstallError("the power went out")

    def does_not_run(folder, downloads, progress):
        executable = a_julia(folder, downloads, progress)
        executable.write_text("#!/bin/sh\necho no library >&2; exit 127\n", encoding="utf-8")
        return executable

    console = Console(file=io.StringIO())
    for unpack, reason in ((breaks_off, "power"), (does_not_run, "does not run")):
        with pytest.raises(InstallError, match=reason):
            install.put_in_place(tmp_path, "debian", unpack, console)
        assert installed_julia(tmp_path) is None
        assert [path.name for path in tmp_path.iterdir()] == ["debian.download"]
    assert (tmp_path / "debian.download" / "kept").exists()
    (tmp_path / "debian" / "half").mkdir(parents=True)  # as a kill in the middle of an older version might leave it
    install.put_in_place(tmp_path, "debian", a_julia, console)
    julia = installed_julia(tmp_path)
    assert julia == tmp_path / "debian" / "bin" / "julia"
    assert [path.name for path in tmp_path.iterdir()] == ["debian"]
    assert install.install_julia(console, tmp_path) == julia


def test_when_no_way_works_it_says_why(tmp_path, monkeypatch):
    def fails(reason):
        def unpack(_folder, _downloads, _progress):
            raise InstallError(reason)

        return unpack

    ways = [("official", "the official build", fails("no net")), ("debian", "Debian's packages", fails("no apt"))]
    monkeypatch.setattr(install, "WAYS", ways)
    with pytest.raises(InstallError) as error:
        install.install_julia(Console(file=io.StringIO()), tmp_path)
    for words in ("no net", "no apt", "--julia PATH", "ENGEE_JULIA"):
        assert words in str(error.value)


def test_a_machine_without_apt(tmp_path, progress, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InstallError, match="no apt"):
        debian.unpack_debian(tmp_path, tmp_path, progress)


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="Debian's tools")
def test_apt_errors_are_told(tmp_path, progress, monkeypatch):
    monkeypatch.setattr(debian, "mirrors", lambda: ["http://127.0.0.1:9/debian"])
    with pytest.raises(InstallError, match=r"127\.0\.0\.1"):
        debian.unpack_debian(tmp_path, tmp_path, progress)


# -- finding


def make_program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@posix_only
def test_the_order_in_which_julia_is_looked_for(tmp_path):
    named, by_environment, on_path = (make_program(tmp_path / name / "julia") for name in ("a", "b", "c"))
    cache = tmp_path / "cache"
    cached = make_program(cache / "debian" / "bin" / "julia")
    record_installed(cache / "debian", cached)
    environ = {"ENGEE_JULIA": str(by_environment), "PATH": str(on_path.parent)}
    assert find_julia(str(named), environ, cache) == named
    assert find_julia(None, environ, cache) == by_environment
    del environ["ENGEE_JULIA"]
    assert find_julia(None, environ, cache) == on_path
    environ["PATH"] = os.devnull
    assert find_julia(None, environ, cache) == cached
    official = make_program(cache / "official" / "bin" / "julia")
    assert find_julia(None, environ, cache) == cached, "without its record it is not whole"
    record_installed(cache / "official", official)
    assert find_julia(None, environ, cache) == official


def test_a_julia_that_was_named_is_never_passed_over(tmp_path):
    environ = {"ENGEE_JULIA": str(tmp_path / "gone")}
    with pytest.raises(JuliaNotFoundError, match="ENGEE_JULIA names"):
        find_julia(None, environ, tmp_path)
    with pytest.raises(JuliaNotFoundError, match="--install-julia"):
        find_julia(None, {"PATH": os.devnull}, tmp_path)


def test_a_second_run_has_nothing_to_do(julia, capsys):
    began = time.monotonic()
    assert main(["--install-julia"]) == 0
    assert str(julia) in capsys.readouterr().out
    assert time.monotonic() - began < 2
