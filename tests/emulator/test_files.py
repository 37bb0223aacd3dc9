"""Uploads and downloads: each row of the contract, and the ways out of /user that must be closed."""

from __future__ import annotations

import io
import os
import sys
import zipfile
from email.parser import BytesParser
from email.policy import HTTP

import psutil
import pytest

pytestmark = pytest.mark.julia


def part_of(reply):
    """The one part of a multipart reply, by the standard library's parser."""
    head = f"Content-Type: {reply.headers['content-type']}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + reply.content)
    (part,) = message.iter_parts()
    return part


@pytest.fixture(autouse=True)
def clean_user_dir(local_engee):
    for path in sorted(local_engee.user_dir.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


def test_an_upload_makes_its_folder_and_julia_reads_the_file(api):
    reply = api.upload(["/user/новая папка/a"], [("данные.csv", b"1;2\n")])
    assert reply.status_code == 200
    assert reply.content == b""
    assert api.result('read("/user/новая папка/a/данные.csv", String)') == "1;2\n"


def test_several_files_go_to_their_own_folders_in_order(api):
    reply = api.upload(["/user/x", "/user", "/user/x"], [("1.txt", b"one"), ("2.txt", b"two"), ("3.txt", b"three")])
    assert reply.status_code == 200
    found = {p.relative_to(api.engee.user_dir).as_posix(): p.read_bytes() for p in api.engee.user_dir.rglob("*.txt")}
    assert found == {"x/1.txt": b"one", "2.txt": b"two", "x/3.txt": b"three"}


def test_an_existing_file_is_not_replaced(api):
    api.engee.configure(upload_reply="list")
    names = [api.upload(["/user"], [("name.tar.csv", str(n).encode())]).json()[0] for n in range(3)]
    assert names == ["/user/name.tar.csv", "/user/name.tar_1.csv", "/user/name.tar_2.csv"]
    assert [(api.engee.user_dir / name[6:]).read_bytes() for name in names] == [b"0", b"1", b"2"]


def test_a_file_name_is_a_name_only(api):
    api.engee.configure(upload_reply="list")
    assert api.upload(["/user/in"], [("../../out.txt", b"1")]).json() == ["/user/in/out.txt"]
    assert api.upload(["/user/in"], [('quo"te.txt', b"1")]).json() == ['/user/in/quo"te.txt']
    assert api.upload(["/user/in"], [("..", b"1")]).status_code == 400


@pytest.mark.parametrize("outside", ["/etc", "/user/../etc", "/username", "user", "", "/", "/user/a/../../b"])
def test_outside_of_user_is_forbidden(api, outside):
    assert api.upload([outside], [("a.txt", b"1")]).status_code == 403
    assert api.download(f"{outside}/passwd").status_code == 403


def test_dots_that_stay_inside_are_allowed(api):
    assert api.upload(["/user/a/../b/./"], [("a.txt", b"1")]).status_code == 200
    assert part_of(api.download("/user/../user/b/a.txt")).get_content() == b"1"


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_links_are_followed_as_julia_follows_them(api):
    user_dir = api.engee.user_dir
    (user_dir / "real").mkdir()
    (user_dir / "real" / "file.txt").write_bytes(b"linked")
    (user_dir / "relative").symlink_to("real")
    (user_dir / "absolute").symlink_to("/user/real")
    (user_dir / "escape").symlink_to("/etc")
    (user_dir / "sly").symlink_to("real/../../..")
    (user_dir / "loop").symlink_to("loop")
    assert part_of(api.download("/user/relative/file.txt")).get_content() == b"linked"
    assert part_of(api.download("/user/absolute/file.txt")).get_content() == b"linked"
    for way_out in ("escape/passwd", "sly/etc/passwd", "loop/x", "relative/../../etc/passwd"):
        assert api.download(f"/user/{way_out}").status_code == 403, way_out
    assert api.upload(["/user/escape"], [("a.txt", b"1")]).status_code == 403


def test_sources_and_files_must_be_as_many(api):
    assert api.upload(["/user", "/user"], [("a.txt", b"1")]).status_code == 400
    assert api.upload(["/user"], [("a.txt", b"1"), ("b.txt", b"2")]).status_code == 400
    assert list(api.engee.user_dir.iterdir()) == []


def test_uploads_that_are_no_uploads(api):
    url = f"{api.engee.session_url}external/file/upload"
    assert api.http.post(url, json={}).status_code == 400
    form = {"content": b"not a part", "headers": {"Content-Type": "multipart/form-data; boundary=B"}}
    assert api.http.post(url, **form).status_code == 400
    assert api.http.post(url, files=[("upload_files", ("a", b"1"))]).status_code == 400
    for paths in ("[]", "{", '{"sources": "/user"}', '{"sources": []}', '{"sources": [1]}'):
        reply = api.http.post(url, data={"paths": paths}, files=[("upload_files", ("a", b"1"))])
        assert reply.status_code == 400, paths


def test_a_file_in_the_place_of_the_folder(api):
    api.upload(["/user"], [("taken", b"1")])
    assert api.upload(["/user/taken"], [("a.txt", b"1")]).status_code == 400


def test_an_upload_without_its_end_leaves_nothing(api):
    body = (
        b'--B\r\nContent-Disposition: form-data; name="paths"\r\n\r\n{"sources":["/user"]}\r\n'
        b'--B\r\nContent-Disposition: form-data; name="upload_files"; filename="a.bin"\r\n\r\nhalf of it'
    )
    reply = api.http.post(
        f"{api.engee.session_url}external/file/upload",
        content=body,
        headers={"Content-Type": "multipart/form-data; boundary=B"},
    )
    assert reply.status_code == 400
    assert list(api.engee.user_dir.iterdir()) == []


def test_a_field_order_that_is_unusual(api):
    body = (
        b'--B\r\nContent-Disposition: form-data; name="upload_files"; filename="a.bin"\r\n\r\n\0\1\2\r\n'
        b'--B\r\nContent-Disposition: form-data; name="paths"\r\n\r\n{"sources":["/user"]}\r\n--B--\r\n'
    )
    reply = api.http.post(
        f"{api.engee.session_url}external/file/upload",
        content=body,
        headers={"Content-Type": "multipart/form-data; boundary=B"},
    )
    assert reply.status_code == 200
    assert (api.engee.user_dir / "a.bin").read_bytes() == b"\0\1\2"


def test_one_file_comes_as_a_form_with_one_part(api):
    content = bytes(range(256)) * 10 + b"\r\n--x--\r\n"
    api.upload(["/user"], [("данные.bin", content)])
    reply = api.download("/user/данные.bin")
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert int(reply.headers["content-length"]) == len(reply.content)
    assert part_of(reply).get_content() == content
    assert 'filename="данные.bin"'.encode() in reply.content


def test_an_empty_file(api):
    api.upload(["/user"], [("empty", b"")])
    assert part_of(api.download("/user/empty")).get_content() == b""


def test_several_files_come_as_a_zip(api):
    api.upload(["/user/a", "/user/b", "/user"], [("x.txt", b"A"), ("x.txt", b"B"), ("ы.txt", b"C")])
    reply = api.download("/user/a/x.txt", "/user/b/x.txt", "/user/ы.txt")
    assert reply.headers["content-type"] == "application/x-zip-compressed"
    with zipfile.ZipFile(io.BytesIO(reply.content)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == {
            "x.txt": b"A",
            "x_1.txt": b"B",
            "ы.txt": b"C",
        }


def test_a_missing_file_and_a_folder(api):
    api.upload(["/user/d"], [("x.txt", b"A")])
    assert api.download("/user/d/none").status_code == 404
    assert api.download("/user/d/x.txt", "/user/none").status_code == 404
    assert api.download("/user/d").status_code == 404
    assert api.post("file/download", {"sources": []}).status_code == 400
    assert api.post("file/download", {"sources": "/user/d/x.txt"}).status_code == 400


def test_a_large_file_goes_through_with_little_memory(api):
    block = os.urandom(1 << 20)
    blocks = 200

    def body():
        yield b'--B\r\nContent-Disposition: form-data; name="paths"\r\n\r\n{"sources":["/user"]}\r\n'
        yield b'--B\r\nContent-Disposition: form-data; name="upload_files"; filename="large.bin"\r\n\r\n'
        for _ in range(blocks):
            yield block
        yield b"\r\n--B--\r\n"

    before = psutil.Process(api.engee.pid).memory_info().rss
    reply = api.http.post(
        f"{api.engee.session_url}external/file/upload",
        content=body(),
        headers={"Content-Type": "multipart/form-data; boundary=B"},
    )
    assert reply.status_code == 200
    assert (api.engee.user_dir / "large.bin").stat().st_size == blocks << 20
    received = 0
    request = {"sources": ["/user/large.bin"]}
    with api.http.stream("POST", f"{api.engee.session_url}external/file/download", json=request) as reply:
        for chunk in reply.iter_bytes():
            received += len(chunk)
    assert received > blocks << 20
    assert psutil.Process(api.engee.pid).memory_info().rss - before < 60 << 20
