"""Uploads and downloads over a real socket."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from client_kinds import ClientFactory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scripted_server import ScriptedServer, http_reply

from engee_kernel.api.client import EngeeClient, Upload, check_remote
from engee_kernel.emulator.process import LocalEngee
from engee_kernel.facts.errors import (
    EngeeError,
    ForbiddenPathError,
    GatewayError,
    NotFoundError,
    ReplyLostError,
    TooLargeError,
    UnexpectedReplyError,
)

CONTENT = bytes(range(256)) * 40


def file(content: bytes = CONTENT, name: str = "a.bin", directory: str = "/user/in") -> Upload:
    return Upload(io.BytesIO(content), name, directory)


async def fetched(client: EngeeClient, *sources: str) -> tuple[str, int | None, bytes]:
    async with client.download(sources) as download:
        data = b"".join([chunk async for chunk in download.chunks])
        return download.kind, download.length, data


@pytest.fixture
def folder(local_engee: LocalEngee, request: pytest.FixtureRequest) -> Path:
    """A folder of the test's own in /user, by its path on this machine."""
    path = local_engee.user_dir / f"t{abs(hash(request.node.nodeid))}"
    path.mkdir(parents=True)
    return path


def remote(path: Path, engee: LocalEngee) -> str:
    return "/user/" + path.relative_to(engee.user_dir).as_posix()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_one_file_to_a_new_folder(client: EngeeClient, local_engee: LocalEngee, folder: Path) -> None:
    target = folder / "new" / "deep"
    assert await client.upload([file(directory=remote(target, local_engee))]) is None
    assert (target / "a.bin").read_bytes() == CONTENT
    assert names(target) == ["a.bin"]


async def test_several_files_to_several_folders(client: EngeeClient, local_engee: LocalEngee, folder: Path) -> None:
    one, two = remote(folder / "one", local_engee), remote(folder / "two", local_engee)
    local_engee.configure(upload_reply="list")
    said = await client.upload([file(b"1", "a", one), file(b"2", "b", two), file(b"3", "c", one)])
    assert said == [f"{one}/a", f"{two}/b", f"{one}/c"]
    assert [(folder / name).read_bytes() for name in ("one/a", "two/b", "one/c")] == [b"1", b"2", b"3"]


@pytest.mark.parametrize(
    "name", ["данные α 😀.csv", "with space.txt", 'quo"te.txt', "100%41.txt", "semi;colon=.m", "'.jl", "a" * 200]
)
async def test_names(client: EngeeClient, local_engee: LocalEngee, folder: Path, name: str) -> None:
    where = remote(folder, local_engee)
    await client.upload([file(b"x", name, where)])
    assert names(folder) == [name]
    kind, _, data = await fetched(client, f"{where}/{name}")
    assert (kind, data) == ("file", b"x")


async def test_an_empty_file(client: EngeeClient, local_engee: LocalEngee, folder: Path) -> None:
    where = remote(folder, local_engee)
    await client.upload([file(b"", "empty", where)])
    assert (folder / "empty").read_bytes() == b""
    kind, _, data = await fetched(client, f"{where}/empty")
    assert (kind, data) == ("file", b"")


async def test_an_existing_file_is_kept(client: EngeeClient, local_engee: LocalEngee, folder: Path) -> None:
    where = remote(folder, local_engee)
    for content in (b"first", b"second"):
        await client.upload([file(content, "a.csv", where)])
    assert (folder / "a.csv").read_bytes() == b"first"
    assert {(folder / name).read_bytes() for name in names(folder)} == {b"first", b"second"}


@pytest.mark.parametrize(
    "path", ["/etc", "/", "user/x", "relative", "/user/../etc", "/userx", "//user/x", "", "/user/a/../../x"]
)
async def test_paths_outside_user_are_refused_before_anything_is_sent(
    client: EngeeClient, local_engee: LocalEngee, path: str
) -> None:
    with pytest.raises(ForbiddenPathError, match="not below /user"):
        await client.upload([file(directory=path)])
    with pytest.raises(ForbiddenPathError, match="not below /user"):
        await fetched(client, path)
    assert local_engee.requests() == []


@pytest.mark.parametrize(
    "path", ["/user", "/user/", "/user/a", "/user/a/../b", "/user/./a", "/user/..a/...", "/user/Привет"]
)
def test_paths_below_user(path: str) -> None:
    check_remote(path)


async def test_what_the_server_says_of_a_link_that_leads_out(
    client: EngeeClient, local_engee: LocalEngee, folder: Path
) -> None:
    (folder / "out").symlink_to("/etc")
    with pytest.raises(ForbiddenPathError, match="403") as caught:
        await fetched(client, remote(folder, local_engee) + "/out/passwd")
    assert caught.value.status == 403
    with pytest.raises(ForbiddenPathError, match="403"):
        await client.upload([file(directory=remote(folder, local_engee) + "/out")])


async def test_an_upload_over_the_servers_limit(client: EngeeClient, local_engee: LocalEngee, folder: Path) -> None:
    local_engee.configure(upload_limit_bytes=1000)
    with pytest.raises(TooLargeError):
        await client.upload([file(directory=remote(folder, local_engee))])
    assert names(folder) == []


async def test_an_upload_that_is_cut_leaves_nothing(client: EngeeClient, local_engee: LocalEngee, folder: Path) -> None:
    local_engee.faults({"kind": "cut_upload", "path": "file/upload", "at_bytes": 5000, "count": 1})
    with pytest.raises(ReplyLostError) as caught:
        await client.upload([file(directory=remote(folder, local_engee))])
    assert caught.value.may_have_run
    assert names(folder) == []
    assert len([call for call in local_engee.requests() if call["path"].endswith("/upload")]) == 1


async def test_an_upload_whose_reply_is_lost_is_not_repeated(
    client: EngeeClient, local_engee: LocalEngee, folder: Path
) -> None:
    local_engee.faults({"kind": "drop_after", "path": "file/upload", "count": 1})
    with pytest.raises(ReplyLostError):
        await client.upload([file(directory=remote(folder, local_engee))])
    assert names(folder) == ["a.bin"]


@pytest.mark.parametrize("download_name", ["plain", "extended", "none"])
async def test_one_file_comes_back(
    client: EngeeClient, local_engee: LocalEngee, folder: Path, download_name: str
) -> None:
    local_engee.configure(download_name=download_name)
    (folder / "данные.bin").write_bytes(CONTENT * 200)
    kind, length, data = await fetched(client, remote(folder, local_engee) + "/данные.bin")
    assert kind == "file" and data == CONTENT * 200
    assert length is not None and length > len(data)


async def test_several_files_come_as_a_zip(client: EngeeClient, local_engee: LocalEngee, folder: Path) -> None:
    (folder / "a.txt").write_bytes(b"A")
    (folder / "б.txt").write_bytes(b"B")
    where = remote(folder, local_engee)
    kind, _, data = await fetched(client, f"{where}/a.txt", f"{where}/б.txt")
    assert kind == "zip"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {"a.txt": b"A", "б.txt": b"B"}


async def test_a_missing_file(client: EngeeClient, local_engee: LocalEngee, folder: Path) -> None:
    (folder / "a.txt").write_bytes(b"A")
    where = remote(folder, local_engee)
    for sources in ([f"{where}/none"], [f"{where}/a.txt", f"{where}/none"]):
        with pytest.raises(NotFoundError, match="does not exist"):
            await fetched(client, *sources)


async def test_a_download_that_breaks_off(client: EngeeClient, local_engee: LocalEngee, folder: Path) -> None:
    (folder / "big").write_bytes(CONTENT * 100)
    local_engee.faults({"kind": "drop_body", "path": "file/download", "count": 1})
    with pytest.raises(ReplyLostError):
        await fetched(client, remote(folder, local_engee) + "/big")


MULTIPART = {"Content_Type": "multipart/form-data; boundary=B"}
HEAD = b'--B\r\nContent-Disposition: form-data; name="f"\r\n\r\n'


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (http_reply(200, HEAD + b"half of it", **MULTIPART), ReplyLostError),
        (http_reply(200, HEAD + b"1\r\n" + HEAD + b"2\r\n--B--\r\n", **MULTIPART), UnexpectedReplyError),
        (http_reply(200, b"<html>Sign in</html>", **MULTIPART), UnexpectedReplyError),
        (http_reply(200, b"", **MULTIPART), ReplyLostError),
        (http_reply(200, b"<html><title>Sign in</title></html>"), GatewayError),
        (http_reply(500, b"<html><title>Oh no</title></html>"), GatewayError),
    ],
)
async def test_downloads_that_are_none(
    scripted: ScriptedServer, client_of: ClientFactory, reply: bytes, error: type[EngeeError]
) -> None:
    scripted.replies["/prefix/external/file/download"] = reply
    with pytest.raises(error):
        await fetched(client_of(scripted), "/user/a")


async def test_a_file_as_plain_bytes_is_taken_too(scripted: ScriptedServer, client_of: ClientFactory) -> None:
    scripted.replies["/prefix/external/file/download"] = http_reply(
        200, b"bytes", Content_Type="application/octet-stream"
    )
    assert await fetched(client_of(scripted), "/user/a") == ("file", 5, b"bytes")


_names = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\"), min_size=1, max_size=40
).filter(lambda name: name not in (".", "..") and len(name.encode()) < 200 and not name.startswith(".engee"))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=_names, content=st.binary(max_size=300))
async def test_any_name_and_content_go_there_and_back(
    local_engee: LocalEngee, tmp_path_factory: pytest.TempPathFactory, name: str, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("any").name
    async with EngeeClient(local_engee.url, local_engee.token) as client:
        await client.upload([file(content, name, f"/user/any/{folder}")])
        assert names(local_engee.user_dir / "any" / folder) == [name]
        _, _, data = await fetched(client, f"/user/any/{folder}/{name}")
    assert data == content
