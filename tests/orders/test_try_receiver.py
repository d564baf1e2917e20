"""The conformance command against a good receiver, the simulator's, the documents' samples, and several bad ones."""

import base64
import hashlib
import hmac
import json
import os
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command

from orders.conformance import Stage, plays
from simulator.developer import backend_of
from tests.orders.shop import give_keys

ROOT = Path(__file__).resolve().parents[2]
KEYS = {env: base64.b64encode(bytes([env + 1]) * 32).decode() for env in (0, 1)}
REFUSED = 401, {"returnCode": "SIGNATURE"}
DONE = 200, {"returnCode": "0"}
ORDINARY = {"ordinary", "repeated", "at_once", "refund", "late", "types", "extra_fields", "big_attach", "spelling", "rotation"}
ORDINARY |= {"still_there"}


def mac(key: str, text: str) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


class Receiver:
    """A developer's receiver that does it well; those below each do one thing badly."""

    def __init__(self):
        self.seen = set()

    def keys(self, payload):
        return [KEYS[int(payload["Env"])]]

    def text(self, envelope):
        return envelope["Payload"]

    def fits(self, given, expected):
        return isinstance(given, str) and given == expected

    def answer(self, envelope, payload):
        return DONE

    def receive(self, body):
        try:
            envelope = json.loads(body)
            payload = json.loads(envelope["Payload"])
            keys = self.keys(payload)
        except (ValueError, TypeError, LookupError, RecursionError):
            return 400, {"returnCode": "BAD"}
        expected = [mac(key, f"{envelope['Event']}&{self.text(envelope)}") for key in keys]
        if not any(self.fits(envelope.get("PayEventSig"), each) for each in expected):
            return REFUSED
        return self.answer(envelope, payload)


class Careless(Receiver):
    def fits(self, given, expected):
        return True


class EitherKey(Receiver):
    def keys(self, payload):
        return list(KEYS.values())


class Rewriting(Receiver):
    def text(self, envelope):
        return json.dumps(json.loads(envelope["Payload"]), ensure_ascii=False, separators=(",", ":"))


class Loose(Receiver):
    def fits(self, given, expected):
        return given is True or super().fits(given, expected)


class RefusesDuplicates(Receiver):
    def answer(self, envelope, payload):
        key = envelope["Event"], payload["OutTradeNo"]
        if key in self.seen:
            return 200, {"returnCode": "DUPLICATE"}
        self.seen.add(key)
        return DONE


class Strict(Receiver):
    def answer(self, envelope, payload):
        known = {"EventType", "Event", "PayModel", "Payload", "PayEventSig", "IsMock"}
        return (500, {}) if set(envelope) - known else DONE


class StringsOnly(Receiver):
    def answer(self, envelope, payload):
        return DONE if isinstance(payload["Env"], str) else (200, {"returnCode": "ENV"})


class Fragile(Receiver):
    """It is gone after the first body that it cannot read."""

    def receive(self, body):
        if self.seen:
            return 500, {}
        status, answer = super().receive(body)
        if status == 400:
            self.seen.add("gone")
        return status, answer


class Polite(Receiver):
    """It thanks for everything and says no inside."""

    def answer(self, envelope, payload):
        return 200, {"returnCode": "1"}


@contextmanager
def listening(receiver):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            status, answer = receiver.receive(self.rfile.read(int(self.headers["Content-Length"] or 0)))
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/push"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def keys_file(tmp_path):
    path = tmp_path / "appkeys.json"
    path.write_text(json.dumps({"appKeys": {"live": KEYS[0], "sandbox": KEYS[1]}}))
    return path


def tried(url, settings, capsys, **options) -> dict[str, str]:
    """The mark of each scene."""
    settings.LOCAL_DESTINATIONS = frozenset([urlsplit(url).netloc])
    try:
        call_command("try_receiver", url, **options)
    except CommandError as error:
        assert error.returncode == 1, error
        assert "went wrong" in str(error)
    lines = [line for line in capsys.readouterr().out.splitlines() if line[:5].strip() in {"right", "WRONG", "note"}]
    codes = [play.code for play in plays(Stage(url, KEYS))]
    assert len(lines) == len(codes)
    return {code: line[:5].strip() for code, line in zip(codes, lines, strict=True)}


def wrong(marks) -> set[str]:
    return {code for code, mark in marks.items() if mark == "WRONG"}


@pytest.mark.parametrize("env", [0, 1])
def test_a_good_receiver_gets_everything_right(settings, capsys, keys_file, env):
    with listening(Receiver()) as url:
        marks = tried(url, settings, capsys, keys=keys_file, env=env)
    assert wrong(marks) == set()
    assert [code for code, mark in marks.items() if mark == "note"] == ["unknown_order", "replayed"]
    assert list(marks)[0] == "ordinary" and list(marks)[-1] == "still_there"


@pytest.mark.parametrize(
    ("receiver", "mistakes"),
    [
        (Careless, {"unsigned", "stranger", "altered", "event", "types_of_signature", "other_environment"}),
        (EitherKey, {"other_environment"}),
        (Rewriting, {"spelling"}),
        (Loose, {"types_of_signature"}),
        (RefusesDuplicates, {"repeated", "at_once"}),
        (Strict, {"extra_fields"}),
        (StringsOnly, {"types"}),
        (Fragile, {"still_there"}),
        (Polite, ORDINARY),
    ],
)
def test_a_bad_receiver_is_told_exactly_its_mistakes(settings, capsys, keys_file, receiver, mistakes):
    with listening(receiver()) as url:
        assert wrong(tried(url, settings, capsys, keys=keys_file)) == mistakes


@pytest.mark.parametrize("command", [[sys.executable, "backend.py"], ["node", "backend.js"]], ids=["Python", "Node.js"])
def test_the_receivers_of_the_documents_pass(settings, capsys, keys_file, tmp_path, command):
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed here")
    own = {"APP_KEY_LIVE": KEYS[0], "APP_KEY_SANDBOX": KEYS[1], "STORE": str(tmp_path), "PORT": "0", "PATH": os.environ["PATH"]}
    samples = ROOT / "docs" / "samples"
    with subprocess.Popen(
        [*command, "serve"], cwd=samples, env=own, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            url = f"http://127.0.0.1:{process.stdout.readline().split()[1]}/"
            assert wrong(tried(url, settings, capsys, keys=keys_file)) == set()
        finally:
            process.terminate()


@pytest.mark.django_db(transaction=True)
def test_the_simulators_receiver_passes(settings, capsys, live_server, starfall, team_admin):
    keys = give_keys(starfall, team_admin)
    backend_of(starfall).install(serial_no="A1", certificate_pem=b"", private_key_pem=b"", live=keys[0], sandbox=keys[1])
    url = f"{live_server.url}/simulator/developer/{starfall.app_id}/receive"
    assert wrong(tried(url, settings, capsys, app_id=starfall.app_id)) == set()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("url", "options", "sentence"),
    [
        ("ftp://shop.example/", {"app_id": "x"}, "must begin with https"),
        ("https://shop.example:8443/", {"app_id": "x"}, "port 8443"),
        ("https://shop.example/", {"app_id": "x"}, "no mini program x"),
        ("https://shop.example/", {"keys": Path("/nowhere")}, "not the mailed appkeys.json"),
    ],
)
def test_what_cannot_be_tried_says_why(url, options, sentence):
    with pytest.raises(CommandError, match=sentence) as caught:
        call_command("try_receiver", url, **options)
    assert caught.value.returncode == 2


def test_an_address_that_is_not_public_is_not_tried(settings, keys_file):
    settings.LOCAL_DESTINATIONS = frozenset()
    with listening(receiver := Receiver()) as url:
        port = urlsplit(url).port
        receiver.receive = lambda body: pytest.fail("Something was sent.")
        for refused in (url, "http://127.0.0.1/push", f"http://localhost:{port}/push"):
            with pytest.raises(CommandError) as caught:
                call_command("try_receiver", refused, keys=keys_file)
            assert caught.value.returncode == 2
