"""A real JupyterHub with its proxy, as an administrator sets it up, for the people of `people`."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType

import httpx

from .environments import PROXY, SERVER, python_of
from .people import Person

START_LIMIT_S = 120
END_LIMIT_S = 60

CONFIGURATION = """\
c = get_config()  # noqa
c.JupyterHub.bind_url = "http://127.0.0.1:{ports[0]}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{ports[1]}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{ports[2]}"
c.ConfigurableHTTPProxy.command = [{node!r}, {proxy!r}]
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allowed_users = {names!r}
c.JupyterHub.spawner_class = {spawner!r}
c.SimpleLocalProcessSpawner.home_dir_template = {homes!r}
c.Spawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root"]  # for who runs the tests as root, with a Python that others can't start
c.Spawner.environment = {environment!r}
c.Spawner.http_timeout = c.Spawner.start_timeout = {limit}
c.JupyterHub.services = [{{"name": "administrator", "api_token": {token!r}}}]
c.JupyterHub.load_roles = [{{
    "name": "administrator", "services": ["administrator"], "scopes": ["admin:users", "admin:servers", "tokens"],
}}]
"""


class Hub:
    """`environment` is that of all kernels. `server(person)` is the client of that person's Jupyter Server."""

    def __init__(self, folder: Path, people: list[Person], environment: dict[str, str]) -> None:
        self._people = people
        self._folder = folder
        self._ports = _free_ports(3)
        self._token = secrets.token_hex(16)
        self._api = httpx.Client(
            base_url=f"http://127.0.0.1:{self._ports[0]}/hub/api/",
            headers={"Authorization": f"token {self._token}"},
            trust_env=False,
            timeout=START_LIMIT_S,
        )
        if people[0].uid is None:  # the keyring is that of who runs the tests
            environment = environment | {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
        (folder / "jupyterhub_config.py").write_text(
            CONFIGURATION.format(
                ports=self._ports,
                node=shutil.which("node"),
                proxy=str(PROXY),
                names={person.name for person in people},
                spawner="simple" if people[0].uid is None else "jupyterhub.spawner.LocalProcessSpawner",
                homes=str(people[0].home.parent / "{username}"),
                python=str(python_of(SERVER)),
                environment=environment,
                limit=START_LIMIT_S,
                token=self._token,
            ),
            encoding="utf-8",
        )

    @property
    def log(self) -> str:
        return (self._folder / "log.txt").read_text(encoding="utf-8", errors="replace")

    def __enter__(self) -> Hub:
        with (self._folder / "log.txt").open("wb") as output:
            self._process = subprocess.Popen(
                [python_of(SERVER), "-m", "jupyterhub", "-f", self._folder / "jupyterhub_config.py"],
                cwd=self._folder,
                env={name: value for name, value in os.environ.items() if not name.startswith(("ENGEE_", "JUPYTER"))},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            self._until_it_answers()
            for person in self._people:
                self.start(person)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._api.close()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(END_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(END_LIMIT_S)
            raise AssertionError(f"JupyterHub did not end:\n{self.log[-3000:]}") from None

    def _until_it_answers(self) -> None:
        deadline = time.monotonic() + START_LIMIT_S
        while True:
            assert self._process.poll() is None and time.monotonic() < deadline, f"no JupyterHub:\n{self.log[-3000:]}"
            try:
                if self._api.get("").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.2)

    def start(self, person: Person) -> None:
        """The person's Jupyter Server, as at their log in."""
        asked = self._api.post(f"users/{person.name}/server")
        assert asked.status_code in (201, 202), asked.text
        deadline = time.monotonic() + START_LIMIT_S
        while not self._api.get(f"users/{person.name}").json()["servers"].get("", {}).get("ready"):
            assert time.monotonic() < deadline, f"no server of {person.name}:\n{self.log[-3000:]}"
            time.sleep(0.2)

    def stop(self, person: Person) -> None:
        """As a service that stops unused servers does, and the button in the person's control panel."""
        self._api.delete(f"users/{person.name}/server").raise_for_status()
        deadline = time.monotonic() + END_LIMIT_S
        while self._api.get(f"users/{person.name}").json()["servers"]:
            assert time.monotonic() < deadline, f"the server of {person.name} does not stop:\n{self.log[-3000:]}"
            time.sleep(0.2)

    def server(self, person: Person) -> httpx.Client:
        """With a token of that person's."""
        made = self._api.post(f"users/{person.name}/tokens", json={"note": "tests"})
        made.raise_for_status()
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self._ports[0]}/user/{person.name}/",
            headers={"Authorization": f"token {made.json()['token']}"},
            trust_env=False,
            timeout=START_LIMIT_S,
        )


def _free_ports(count: int) -> list[int]:
    """JupyterHub does not let the system choose."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()
