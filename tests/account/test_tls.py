"""Proxies and private authorities: a real CONNECT proxy and a TLS front before the local Engee."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from person import Profile
from roads import HOST, Roads

from engee_kernel.emulator.process import LocalEngee


@pytest.fixture
def authority(tmp_path: Path) -> tuple[trustme.CA, Path]:
    made = trustme.CA()
    path = tmp_path / "authority.pem"
    made.cert_pem.write_to_path(path)
    return made, path


@pytest.fixture
def roads(local_engee: LocalEngee, authority: tuple[trustme.CA, Path]) -> Iterator[Roads]:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority[0].issue_cert(HOST, "localhost").configure_cert(tls)
    with Roads(local_engee.url, tls) as made:
        yield made


def test_through_a_proxy_with_a_private_authority(
    profile: Profile, local_engee: LocalEngee, roads: Roads, authority: tuple[trustme.CA, Path]
) -> None:
    profile.at(local_engee).environment |= {
        "ENGEE_URL": f"https://{HOST}",
        "HTTPS_PROXY": f"http://someone:proxy-password@127.0.0.1:{roads.proxy_port}",
        "SSL_CERT_FILE": str(authority[1]),
    }
    profile.secrets.append("proxy-password")
    profile.log_in(local_engee.token)
    assert json.loads(profile.run("status", "--json").stdout)["username"] == "demo"
    assert set(roads.asked) == {f"CONNECT {HOST}:443"}
    done = profile.run("doctor", "--json")
    checks = {check["check"]: check for check in json.loads(done.stdout)["checks"]}
    assert f"http://127.0.0.1:{roads.proxy_port}" in checks["proxy"]["text"]
    assert str(authority[1]) in checks["certificates"]["text"]
    assert checks["connection"]["text"] == "Engee answers, its certificate is trusted"
    assert checks["eval"]["level"] == checks["jobs"]["level"] == "ok"


def test_an_unknown_authority_is_refused_before_the_token_is_sent(
    profile: Profile, local_engee: LocalEngee, roads: Roads
) -> None:
    profile.at(local_engee).environment["ENGEE_URL"] = f"https://localhost:{roads.front_port}"
    done = profile.run("login", "--token-stdin", text=local_engee.token)
    assert done.returncode == 1
    assert "SSL_CERT_FILE" in done.stderr
    assert local_engee.requests() == []
    checks = json.loads(profile.run("doctor", "--json").stdout)["checks"]
    (connection,) = [check for check in checks if check["check"] == "connection"]
    assert connection["level"] == "fail" and "SSL_CERT_FILE" in connection["hint"]


def test_a_certificate_for_another_name_is_refused(
    profile: Profile, local_engee: LocalEngee, roads: Roads, authority: tuple[trustme.CA, Path]
) -> None:
    profile.at(local_engee).environment |= {
        "ENGEE_URL": f"https://127.0.0.1:{roads.front_port}",
        "SSL_CERT_FILE": str(authority[1]),
    }
    done = profile.run("login", "--token-stdin", text=local_engee.token)
    assert done.returncode == 1
    assert local_engee.requests() == []


def test_a_proxy_is_not_asked_for_this_machine(profile: Profile, local_engee: LocalEngee, roads: Roads) -> None:
    proxy = f"http://127.0.0.1:{roads.proxy_port}"
    profile.at(local_engee).environment |= {"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, "ALL_PROXY": proxy}
    profile.log_in(local_engee.token)
    assert roads.asked == []


def test_a_proxy_that_is_away_is_told(profile: Profile, local_engee: LocalEngee) -> None:
    profile.at(local_engee).environment |= {"ENGEE_URL": f"https://{HOST}", "HTTPS_PROXY": "http://127.0.0.1:9"}
    done = profile.run("login", "--token-stdin", text=local_engee.token)
    assert done.returncode == 1
    assert "HTTPS_PROXY" in done.stderr
