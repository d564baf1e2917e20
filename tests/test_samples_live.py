"""The backends of docs/samples as developers run them: a sale against the running site, with pushes to their own receivers."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from console.models import Superapp
from openserver.workbench.samples import FOLDER
from payments.models import DeliveryConfig
from tests.live import Site
from tests.test_whole_sale_http import GOODS, Client

COMMANDS = {
    "Python": [sys.executable, "backend.py"],
    "Node.js": ["node", "backend.js"],
    "Go": ["go"],
    "Java": ["javac"],
}
SUPERAPP = [sys.executable, "superapp.py"]


def command_of(language: str, folder: Path) -> list[str]:
    """What runs the sample; Go and Java are compiled into the folder first."""
    if language == "Go":
        subprocess.run(["go", "build", "-o", str(folder / "backend"), "signatures.go", "backend.go"], cwd=FOLDER, check=True)
        return [str(folder / "backend")]
    if language == "Java":
        sources = ["Signatures.java", "Backend.java", str(Path(__file__).with_name("Json.java"))]
        subprocess.run(["javac", "-J-Xmx128m", "-encoding", "UTF-8", "-d", str(folder), *sources], cwd=FOLDER, check=True)
        return ["java", "-Xmx64m", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8", "-cp", str(folder), "Backend"]
    return COMMANDS[language]


def settings_of(site: Site, program: dict[str, Any], store: Path) -> dict[str, str]:
    """What the sample reads from its environment."""
    own = {"OPENSERVER": site.url, "APP_ID": program["app_id"], "SERIAL_NO": program["certificate"]["serial_no"]}
    own |= {"KEY_FILE": program["certificate"]["key_file"], "STORE": str(store), "PORT": "0", "PATH": os.environ["PATH"]}
    own |= {f"APP_KEY_{env.upper()}": program["app_keys"][env] for env in ("live", "sandbox")}
    return own if program["kind"] == "mini_game" else own | {"MERCHANT_ID": program["merchant_id"]}


class Backend:
    """A sample as a program with settings."""

    def __init__(self, command: list[str], settings: dict[str, str]) -> None:
        self.command, self.settings = command, settings

    def run(self, *arguments: str) -> dict[str, Any]:
        done = subprocess.run(
            [*self.command, *arguments], cwd=FOLDER, env=self.settings, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    @contextmanager
    def receiving(self) -> Iterator[str]:
        """Its receiver; the address."""
        with subprocess.Popen(
            [*self.command, "serve"], cwd=FOLDER, env=self.settings, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                yield f"http://127.0.0.1:{process.stdout.readline().split()[1]}/"
            finally:
                process.terminate()


def buy(site: Site, program: dict[str, Any], backend: Backend) -> str:
    """The player's superapp opens a session, the sample signs, the SDK sends, the superapp tells of the payment; the number."""
    client, item = Client(site.demo, program), program["items"][0]
    opened = client.as_superapp("POST", "/openserver/v1/sessions", json.dumps({"appId": program["app_id"], "openId": "o-sample"}))
    session = opened[1]["data"]
    order = backend.run("order", session["code"], item["product_id"], str(item["price"]), item["currency"])
    status, placed = client.send("POST", "/openserver/v1/orders", json.dumps({"token": session["token"], **order}))
    assert (status, placed["returnCode"]) == (200, "0"), placed
    number = placed["data"]["outTradeNo"]
    goods = {"ProductId": item["product_id"], "Quantity": 1, "ZoneId": "1", "OrigPrice": item["price"]}
    goods |= {"ActualPrice": item["price"], "Attach": "é 皮肤", "OrderSource": 1}
    paid = {"OpenId": "o-sample", "Env": 0, "OutTradeNo": number, "GoodsInfo": goods}
    assert client.notify(GOODS, "payment-notifications", paid)[1]["returnCode"] == "0"
    return number


def test_the_samples_make_a_whole_sale(site, settings, tmp_path):
    for language in (name for name, command in COMMANDS.items() if shutil.which(command[0])):
        program = site.program("Moonlit Cards")
        store = tmp_path / language
        store.mkdir()
        (compiled := tmp_path / f"{language} compiled").mkdir()
        backend = Backend(command_of(language, compiled), settings_of(site, program, store))
        with backend.receiving() as address:
            settings.LOCAL_DESTINATIONS = frozenset([urlsplit(site.url).netloc, urlsplit(address).netloc])
            DeliveryConfig.objects.filter(mini_program__app_id=program["app_id"]).update(url=address)
            number = buy(site, program, backend)
            Client(site.demo, program).query_until(number, "delivered")
        found = backend.run("query", number)
        assert (found["paymentState"], found["deliveryState"]) == ("paid", "delivered")
        stored = [json.loads(path.read_text(encoding="utf-8")) for path in store.iterdir()]
        assert [payload["OutTradeNo"] for payload in stored] == [number]
        assert stored[0]["GoodsInfo"]["Attach"] == "é 皮肤"
    mini_program = site.program("Harbor Reader")  # its push is off
    backend = Backend(COMMANDS["Python"], settings_of(site, mini_program, tmp_path))
    assert backend.run("query", buy(site, mini_program, backend))["deliveryState"] == "held"
    superapp_sells(site, settings, tmp_path / "superapp")


def superapp_sells(site: Site, settings: Any, store: Path) -> None:
    """The sample of a superapp's backend opens a session, gives the prepay id and tells of the payment."""
    store.mkdir()
    program, known = site.program("Moonlit Cards"), site.demo["superapp"]
    own = {"OPENSERVER": site.url, "SUPERAPP": known["id"], "SECRET_KEY": known["secret_key"], "STORE": str(store), "PORT": "0"}
    superapp, developer = Backend(SUPERAPP, own), Backend(COMMANDS["Python"], settings_of(site, program, store))
    with superapp.receiving() as address:
        settings.LOCAL_DESTINATIONS = frozenset([urlsplit(site.url).netloc, urlsplit(address).netloc])
        Superapp.objects.filter(code=known["id"]).update(backend_url=address.rstrip("/"))
        session, item = superapp.run("session", program["app_id"], "o-sample"), program["items"][0]
        order = developer.run("order", session["code"], item["product_id"], str(item["price"]), item["currency"])
        asked = json.dumps({"token": session["token"], **order})
        placed = Client(site.demo, program).send("POST", "/openserver/v1/orders", asked)[1]
        again = Client(site.demo, program).send("POST", "/openserver/v1/orders", asked)[1]
    (prepaid,) = store.iterdir()
    assert (
        placed["data"]
        == again["data"]
        == {
            "outTradeNo": json.loads(prepaid.read_text())["outTradeNo"],
            "prepayId": json.loads(prepaid.read_text())["prepayId"],
        }
    )
    assert superapp.run("paid", str(prepaid), program["app_keys"]["live"])["returnCode"] == "0"
    assert developer.run("query", placed["data"]["outTradeNo"])["paymentState"] == "paid"


@pytest.mark.parametrize("language", COMMANDS)
def test_its_tool_is_here(language):
    if not shutil.which(COMMANDS[language][0]):
        pytest.skip(f"{COMMANDS[language][0]} is not installed here, so the sample in {language} was not run")
