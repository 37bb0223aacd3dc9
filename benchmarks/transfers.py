"""One large file up and down: by the client, by curl on the same endpoint, and by the magics."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from engee_kernel.api.client import EngeeClient, Upload
from engee_kernel.emulator.process import LocalEngee

PIECE = 2**20


def has_curl() -> bool:
    return shutil.which("curl") is not None


class Pair:
    """A file of `size` bytes here and its copy in /user/bench; each measure is in seconds."""

    def __init__(self, engee: LocalEngee, folder: Path, size: int) -> None:
        self._engee = engee
        self._source = folder / "data.bin"
        self._target = folder / "back.bin"
        self._headers = ["-sSf", "-H", f"Authorization: Bearer {engee.token}"]
        with self._source.open("wb") as file:
            for number in range(size // PIECE):
                file.write(number.to_bytes(8, "big") * (PIECE // 8))
        self.upload_magic = f'%upload "{self._source}" --to /user/bench'
        self.download_magic = f'%download --force /user/bench/data.bin --to "{folder}/"'
        self._remote = engee.user_dir / "bench" / "data.bin"

    def client_upload_s(self) -> float:
        async def send(client: EngeeClient) -> None:
            with self._source.open("rb") as content:
                await client.upload([Upload(content, "data.bin", "/user/bench")])

        self._remove_remote()
        return self._timed(send)

    def client_download_s(self) -> float:
        async def fetch(client: EngeeClient) -> None:
            # as a script would; %download hashes and writes in a thread, which is the other row
            with self._target.open("wb") as file:
                async with client.download(["/user/bench/data.bin"]) as body:
                    async for chunk in body.chunks:
                        file.write(chunk)

        seconds = self._timed(fetch)
        assert self._target.stat().st_size == self._source.stat().st_size
        return seconds

    def curl_upload_s(self) -> float:
        self._remove_remote()
        form = ["-F", 'paths={"sources": ["/user/bench"]}', "-F", f"upload_files=@{self._source}"]
        return self._curl("upload", [*form, "-o", str(self._target)])

    def curl_download_s(self) -> float:
        body = ["-H", "Content-Type: application/json", "-d", '{"sources": ["/user/bench/data.bin"]}']
        return self._curl("download", [*body, "-o", str(self._target)])

    def checksums_s(self) -> float:
        began = time.perf_counter()
        for path in (self._source, self._remote):
            subprocess.run(["sha256sum", str(path)], check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - began

    def _remove_remote(self) -> None:
        if self._remote.parent.is_dir():
            shutil.rmtree(self._remote.parent)

    def settle(self) -> None:
        """Let the disk take what was written before: it would slow down whoever comes next."""
        if hasattr(os, "sync"):
            os.sync()

    def _curl(self, path: str, arguments: list[str]) -> float:
        self.settle()
        began = time.perf_counter()
        url = f"{self._engee.session_url}external/file/{path}"
        subprocess.run(["curl", *self._headers, *arguments, url], check=True)
        return time.perf_counter() - began

    def _timed(self, work: Any) -> float:
        async def run() -> float:
            async with EngeeClient(self._engee.url, self._engee.token) as client:
                await client.status()
                self.settle()
                began = time.perf_counter()
                coroutine: Coroutine[Any, Any, None] = work(client)
                await coroutine
                return time.perf_counter() - began

        return asyncio.run(run())
