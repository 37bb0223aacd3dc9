"""Two people on one machine with a real JupyterHub: each gets their own results, tokens and jobs, and no others."""

from __future__ import annotations

import json
import re
import shutil
import ssl
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from docs.documents import code_blocks
from stranger import stranger_at

from engee_kernel.emulator.process import LocalEngee

from .environments import PLANT, PROXY, SERVER, python_of
from .frontdoor import FrontDoor
from .hub import Hub
from .notebook import Notebook
from .people import Person, people

sys.path.append(str(Path(__file__).parents[1] / "account"))

from person import consent
from roads import HOST, Roads

pytestmark = [pytest.mark.julia, pytest.mark.slow, pytest.mark.timeout(300)]

CULLED_AFTER_S = 5
SECRET = "наш секрет"


PAGE = "docs/administration.md"
# what differs from the page: the hub is to be seen at work within a minute
CHANGES = {
    "https://engee.example.org": f"https://{HOST}",
    "cull_idle_timeout = 3600": f"cull_idle_timeout = {CULLED_AFTER_S}",
    "cull_interval = 300": "cull_interval = 1",
    'c.KernelManager.transport = "ipc"': "# left out, as a stranger can't come near: ",
}


def configuration(files: dict[str, tuple[str, ...]]) -> dict[str, str]:
    """The page's blocks for each file, which are known by their first words."""
    blocks = [block.text for block in code_blocks(PAGE, "python")]
    written = {
        name: "\n".join(next(block for block in blocks if block.startswith(words)) for words in beginnings)
        for name, beginnings in files.items()
    }
    for old, new in CHANGES.items():
        assert old in "".join(written.values()), f"{PAGE} has no {old}"
        written = {name: text.replace(old, new) for name, text in written.items()}
    return written


FOR_ALL = {
    "jupyter_server_config.py": ("c.KernelManager.", "c.MappingKernelManager."),
    "engee_kernel_config.py": ("c.EngeeSettings.",),
}
"""The files in /etc/jupyter."""


def variables_of_the_page() -> set[str]:
    (block,) = [block.text for block in code_blocks(PAGE, "python") if block.text.startswith("c.Spawner.")]
    return set(re.findall(r'^ +"(\w+)":', block, re.MULTILINE))


@dataclass
class World:
    """`servers`: for each person the client of their Jupyter Server. `for_all` stands for /etc/jupyter."""

    hub: Hub
    people: list[Person]
    servers: list[httpx.Client]
    for_all: Path
    front: FrontDoor
    roads: Roads

    def notebook(self, number: int, path: str, kernel: str = "engee") -> Notebook:
        return Notebook(self.servers[number], path, kernel)


@pytest.fixture(scope="module")
def world(julia: Path) -> Iterator[World]:
    if shutil.which("node") is None or not PROXY.exists() or not python_of(SERVER).exists():
        pytest.skip("Node.js, its packages or JupyterHub are missing: SEVERAL PEOPLE ARE NOT TESTED. Run: make hub")
    with ExitStack() as stack:
        # pytest's folders are for the user alone who runs it
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="engee-hub-")))
        folder.chmod(0o755)
        for_all = folder / "etc-jupyter"
        for_all.mkdir()
        for name, text in configuration(FOR_ALL).items():
            (for_all / name).write_text(text, encoding="utf-8")
        engees = [stack.enter_context(LocalEngee()) for _ in range(2)]
        front = stack.enter_context(FrontDoor(engees))
        authority = trustme.CA()
        authority.cert_pem.write_to_path(folder / "authority.pem")
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(HOST).configure_cert(tls)
        roads = stack.enter_context(Roads(front.url, tls))
        environment = {
            "HTTPS_PROXY": f"http://127.0.0.1:{roads.proxy_port}",
            "SSL_CERT_FILE": str(folder / "authority.pem"),
            "ENGEE_OAUTH_CLIENT_ID": engees[-1].client_id,
            "ENGEE_OAUTH_CLIENT_SECRET": engees[-1].client_secret,
        }
        assert set(environment) == variables_of_the_page()
        environment["JUPYTER_CONFIG_PATH"] = str(for_all)
        install("--sys-prefix", environment=SERVER)
        plant = ["--name", "plant", "--display-name", "Engee (plant)", "--env", "ENGEE_HANDOFF_AFTER_S=1"]
        install("--prefix", str(SERVER), *plant, environment=PLANT)
        both = stack.enter_context(people(folder, engees))
        hub = stack.enter_context(Hub(folder, both, environment))
        made = World(hub, both, [hub.server(person) for person in both], for_all, front, roads)
        log_in(made)
        yield made
        for server in made.servers:
            server.close()


def install(*words: str, environment: Path) -> None:
    """`engee-kernel install` as an administrator runs it."""
    done = subprocess.run(
        [environment / "bin" / "engee-kernel", "install", *words],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def log_in(world: World) -> None:
    """The first by a token; the second by OAuth, with a browser on another machine whose last address is pasted."""
    first, _ = world.people

    def type_token(asked: dict[str, Any]) -> str:
        assert asked["password"], "what is typed is not to be shown"
        return first.engee.token

    with world.notebook(0, "login.ipynb") as notebook:
        notebook.on_input = type_token
        cell = notebook.run("%login")
        assert cell.status == "ok", cell
        assert "demo" in str(cell.outputs) and first.engee.token not in str(cell.messages)

    def paste(asked: dict[str, Any]) -> str | None:
        address = re.search(r"^http\S+/account/authorize\S+", asked["cell"].text("stderr"), re.MULTILINE)
        if address is None:
            return None
        # that machine's way to Engee is its own
        return consent(address[0].replace(f"https://{HOST}", world.front.url))

    with world.notebook(1, "login.ipynb") as notebook:
        notebook.on_input = paste
        cell = notebook.run("%login --oauth")
        assert cell.status == "ok", cell


def test_tokens_are_each_persons_own(world: World) -> None:
    first, second = world.people
    kept = [person.token_file.read_text(encoding="utf-8") for person in world.people]
    assert first.engee.token in kept[0] and first.engee.token not in kept[1]
    kinds = [json.loads(text)["kind"] for file in kept for text in json.loads(file).values()]
    assert kinds == ["pat", "oauth"]
    for person in world.people:
        status = person.token_file.stat()
        assert stat.S_IMODE(status.st_mode) == 0o600
        assert person.uid in (None, status.st_uid)
    if first.uid is not None:
        assert "Permission denied" in second.run("cat", first.token_file).stderr
        assert first.run("cat", first.token_file).stdout == kept[0]


def test_a_persons_server_is_closed_to_the_other(world: World) -> None:
    address = world.servers[1].base_url.join("api/kernels")
    assert world.servers[0].get(str(address)).status_code in (403, 404)


def test_settings_for_all_and_the_nearer_ones(world: World) -> None:
    with world.notebook(0, "settings.ipynb") as one, world.notebook(0, "plant.ipynb", "plant") as other:
        url = str(one.run("%config url").outputs)
        assert f"https://{HOST}" in url and str(world.for_all / "engee_kernel_config.py") in url
        assert "5.0" in str(one.run("%config handoff_after_s").outputs)
        nearer = str(other.run("%config handoff_after_s").outputs)
        assert "1.0" in nearer and "ENGEE_HANDOFF_AFTER_S" in nearer


def test_the_way_to_engee_is_the_companys(world: World) -> None:
    """Its proxy, and a certificate of its own authority."""
    assert set(world.roads.asked) == {f"CONNECT {HOST}:443"}


def test_both_work_at_once_and_nothing_is_mixed(world: World) -> None:
    rounds = 15

    def work(number: int, kernel: str) -> list[str]:
        with world.notebook(number, f"work-{kernel}.ipynb", kernel) as notebook:
            notebook.run(f'mine_{kernel} = {number}; write("/user/whose.txt", "person {number}")')
            return [notebook.value(f"mine_{kernel} * 1000 + {round}^2") for round in range(rounds)]

    everybody = [(number, kernel) for number in (0, 1) for kernel in ("engee", "plant")]
    with ThreadPoolExecutor(len(everybody)) as threads:
        results = list(threads.map(lambda one: work(*one), everybody))
    for (number, _), values in zip(everybody, results, strict=True):
        assert values == [str(number * 1000 + round**2) for round in range(rounds)]
    for number, person in enumerate(world.people):
        assert (person.engee.user_dir / "whose.txt").read_text(encoding="utf-8") == f"person {number}"
        with world.notebook(number, "look.ipynb") as notebook:
            assert notebook.value("mine_engee, mine_plant") == f"({number}, {number})"


def test_jobs_of_the_other_are_not_to_be_seen(world: World) -> None:
    with world.notebook(0, "jobs.ipynb") as mine, world.notebook(1, "jobs.ipynb") as others:
        assert mine.run('%%job --name unseen\nprintln("done")').status == "ok"
        listed = [notebook.run("%jobs --all") for notebook in (mine, others)]
        assert [cell.status for cell in listed] == ["ok", "ok"], listed
        assert ["unseen" in str(cell.outputs) for cell in listed] == [True, False]
        attached = others.run("%jobs attach unseen")
        assert attached.status == "error", attached


def alive(server: httpx.Client) -> set[str]:
    return {kernel["id"] for kernel in server.get("api/kernels").json()}


def test_the_job_of_a_culled_kernel_is_found_again(world: World) -> None:
    server = world.servers[0]
    with world.notebook(0, "long.ipynb") as notebook:
        ids = notebook.kernel_id
        code = f'%%job --detach --name long\nfor i in 1:{3 * CULLED_AFTER_S}; println("line ", i); sleep(1); end; 6 * 7'
        assert notebook.run(code).status == "ok"
    deadline = time.monotonic() + 60
    while ids in alive(server):
        assert time.monotonic() < deadline, "the kernel was not culled"
        time.sleep(0.5)
    assert not [spec for spec in server.get("api/sessions").json() if spec["path"] == "long.ipynb"]
    with world.notebook(0, "long.ipynb") as notebook:
        assert notebook.kernel_id != ids
        found = notebook.run("%jobs attach")
        assert found.status == "ok", found
        assert found.text() == "".join(f"line {i}\n" for i in range(1, 3 * CULLED_AFTER_S + 1))


def test_a_kernel_that_computes_is_not_culled(world: World) -> None:
    with world.notebook(0, "busy.ipynb") as notebook:
        notebook.run("1")
        notebook.send(f"sleep({CULLED_AFTER_S + 5}); finished = true")
        time.sleep(0.5)
    time.sleep(CULLED_AFTER_S + 2)
    assert notebook.kernel_id in alive(world.servers[0])


def test_the_cell_of_a_stopped_server_goes_on(world: World) -> None:
    person = world.people[1]
    with world.notebook(1, "stopped.ipynb") as notebook:
        cell = notebook.send('for i in 1:15; println("line ", i); sleep(1); end')
        while "line 5" not in cell.text():
            notebook._take(cell)
    world.hub.stop(person)
    world.hub.start(person)
    with world.notebook(1, "stopped.ipynb") as notebook:
        said = notebook.run("1 + 1")
        assert said.result == "2"
        assert "of this notebook" in said.text("stderr") and "%jobs attach" in said.text("stderr")
        found = notebook.run("%jobs attach")
        assert found.text() == "".join(f"line {i}\n" for i in range(1, 16))


def test_a_stranger_hears_nothing(world: World) -> None:
    first, second = world.people
    with world.notebook(0, "secret.ipynb") as notebook:
        notebook.run("1")
        (connection,) = first.home.rglob(f"kernel-{notebook.kernel_id}.json")
        port = json.loads(connection.read_text(encoding="utf-8"))["iopub_port"]
        with stranger_at(port) as plain, stranger_at(port, curve=True) as curve:
            assert notebook.run(f'println("{SECRET}")').text() == f"{SECRET}\n"
        assert plain == [] and curve == []
        if first.uid is not None:
            assert "Permission denied" in second.run("cat", connection).stderr


def test_each_calls_their_own_account_only(world: World) -> None:
    """The calls that the accounts have got: each person's cells, and no refused token."""
    for person in world.people:
        calls = person.engee.requests()
        assert [call for call in calls if call["path"].endswith("command/eval")]
        refused = [call for call in calls if call["status"] in (401, 403)]
        assert [call for call in refused if "external" in call["path"]] == []
