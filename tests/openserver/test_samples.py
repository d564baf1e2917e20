"""The ready-made code of docs/samples, in every language this machine has a tool for, against our own signatures."""

import base64
import importlib.util
import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from openserver.management.commands.write_samples import DOCUMENT, with_samples
from openserver.workbench.samples import FOLDER, SIGNATURES
from orders.webhooks import pay_event_sig, webhook_headers

KEYS = [base64.b64encode(bytes(range(start, start + 32))).decode() for start in (0, 100)]
VECTORS = json.loads((Path(__file__).resolve().parents[1] / "vectors" / "signatures.json").read_text(encoding="utf-8"))
TEXT = '{"mode":"goods","attach":"皮肤 🎮 </script>"}'

NODE = """
const code = require("./signatures.js");
const lines = require("fs").readFileSync(0, "utf8").trim().split("\\n");
for (const line of lines) {
  const [name, ...a] = line.split("\\t").map((part, at) => at ? Buffer.from(part, "base64").toString("utf8") : part);
  if (name === "paySig") console.log(code.paySig(...a));
  if (name === "sessionSignature") console.log(code.sessionSignature(...a));
  if (name === "pushFits") console.log(code.pushFits({ Event: a[0], Payload: a[1], PayEventSig: a[2] }, a.slice(3)));
  const headers = { "webhook-id": a[0], "webhook-timestamp": a[1], "webhook-signature": a[2] };
  if (name === "webhookFits") console.log(code.webhookFits(headers, Buffer.from(a[3]), a.slice(4)));
}
"""
JAVA = """
import java.util.*;
public class Main {
    static String text(String base64) {
        return new String(Base64.getDecoder().decode(base64), java.nio.charset.StandardCharsets.UTF_8);
    }
    public static void main(String[] arguments) {
        Scanner in = new Scanner(System.in, "UTF-8");
        while (in.hasNextLine()) {
            String[] parts = in.nextLine().split("\\t");
            List<String> a = new ArrayList<>();
            for (int at = 1; at < parts.length; at++) a.add(text(parts[at]));
            switch (parts[0]) {
                case "paySig" -> System.out.println(Signatures.paySig(a.get(0), a.get(1), a.get(2)));
                case "sessionSignature" -> System.out.println(Signatures.sessionSignature(a.get(0), a.get(1)));
                case "pushFits" -> System.out.println(Signatures.pushFits(a.get(0), a.get(1), a.get(2), a.subList(3, a.size())));
                case "webhookFits" -> System.out.println(Signatures.webhookFits(
                    a.get(0), a.get(1), a.get(2), Signatures.utf8(a.get(3)), a.subList(4, a.size()), 300));
            }
        }
    }
}
"""
GO = """
package main
import ("bufio"; "encoding/base64"; "fmt"; "net/http"; "os"; "strings"; "time")
func main() {
    scanner := bufio.NewScanner(os.Stdin)
    for scanner.Scan() {
        parts := strings.Split(scanner.Text(), "\\t")
        a := []string{}
        for _, part := range parts[1:] { raw, _ := base64.StdEncoding.DecodeString(part); a = append(a, string(raw)) }
        switch parts[0] {
        case "paySig": fmt.Println(PaySig(a[0], a[1], a[2]))
        case "sessionSignature": fmt.Println(SessionSignature(a[0], a[1]))
        case "pushFits": fmt.Println(PushFits(a[0], a[1], a[2], a[3:]))
        case "webhookFits":
            headers := http.Header{}
            headers.Set("webhook-id", a[0]); headers.Set("webhook-timestamp", a[1]); headers.Set("webhook-signature", a[2])
            fmt.Println(WebhookFits(headers, []byte(a[3]), a[4:], 300 * time.Second))
        }
    }
}
"""


def cases() -> list[tuple[list[str], str]]:
    """Calls with their right answers. Made by code that the samples do not share."""
    found = []
    for vector in VECTORS:
        name, joint, text = vector["message"].partition("&")
        if vector["name"].startswith("paySig"):
            found.append((["paySig", name, text, vector["key"]], vector["hmac_sha256_hex"]))
        elif vector["name"].startswith("signature"):
            found.append((["sessionSignature", vector["message"], vector["key"]], vector["hmac_sha256_hex"]))
        else:
            found.append((["pushFits", name, text, vector["hmac_sha256_hex"], vector["key"]], "true"))
    good = pay_event_sig("e", TEXT, KEYS[0])
    found += [
        (["pushFits", "e", TEXT, good, KEYS[1], KEYS[0]], "true"),
        (["pushFits", "e", TEXT, good, KEYS[1]], "false"),
        (["pushFits", "e", TEXT + " ", good, KEYS[0]], "false"),
        (["pushFits", "e", TEXT, good.upper(), KEYS[0]], "false"),
        (["pushFits", "e", TEXT, "é", KEYS[0], ""], "false"),
    ]
    return found + [(["webhookFits", *call], answer) for call, answer in webhook_cases()]


def webhook_cases() -> list[tuple[list[str], str]]:
    now = int(time.time())
    both = webhook_headers(webhook_id="msg", timestamp=now, body=TEXT.encode(), app_keys=KEYS)["webhook-signature"]
    old = webhook_headers(webhook_id="msg", timestamp=now - 4000, body=TEXT.encode(), app_keys=KEYS)["webhook-signature"]
    return [
        (["msg", str(now), both, TEXT, KEYS[1]], "true"),
        (["msg", str(now), both, TEXT, "", KEYS[0]], "true"),
        (["other", str(now), both, TEXT, KEYS[1]], "false"),
        (["msg", str(now), both, TEXT + "\n", KEYS[1]], "false"),
        (["msg", str(now - 4000), old, TEXT, KEYS[1]], "false"),
        (["msg", "now", both, TEXT, KEYS[1]], "false"),
        (["msg", str(now), "", TEXT, KEYS[1]], "false"),
    ]


def python_answers(calls: list[list[str]], folder: Path) -> list[str]:
    spec = importlib.util.spec_from_file_location("sample_signatures", folder / "signatures.py")
    code = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(code)
    functions = {
        "paySig": code.pay_sig,
        "sessionSignature": code.session_signature,
        "pushFits": lambda event, payload, given, *keys: code.push_fits(
            {"Event": event, "Payload": payload, "PayEventSig": given}, list(keys)
        ),
        "webhookFits": lambda uid, sent_at, given, body, *keys: code.webhook_fits(
            {"webhook-id": uid, "webhook-timestamp": sent_at, "webhook-signature": given}, body.encode(), list(keys)
        ),
    }
    return [str(functions[name](*arguments)).replace("True", "true").replace("False", "false") for name, *arguments in calls]


def run(command: list[str], folder: Path, lines: str = "") -> str:
    return subprocess.run(command, cwd=folder, input=lines, check=True, capture_output=True, text=True, encoding="utf-8").stdout


def as_lines(calls: list[list[str]]) -> str:
    return (
        "\n".join("\t".join([name, *(base64.b64encode(part.encode()).decode() for part in rest)]) for name, *rest in calls) + "\n"
    )


def node_answers(calls: list[list[str]], folder: Path) -> list[str]:
    (folder / "main.js").write_text(NODE)
    return run(["node", "main.js"], folder, as_lines(calls)).split()


def java_answers(calls: list[list[str]], folder: Path) -> list[str]:
    (folder / "Main.java").write_text(JAVA)
    small = ["-J-Xmx128m", "-J-XX:TieredStopAtLevel=1", "-encoding", "UTF-8"]
    run(["javac", *small, "-d", ".", "Main.java", "Signatures.java"], folder)
    return run(
        ["java", "-Xmx64m", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8", "-cp", ".", "Main"], folder, as_lines(calls)
    ).split()


def go_answers(calls: list[list[str]], folder: Path) -> list[str]:
    (folder / "main.go").write_text(GO)
    (folder / "go.mod").write_text("module sample\n\ngo 1.18\n")
    return run(["go", "run", "."], folder, as_lines(calls)).split()


TOOLS = {
    "Python": ("", python_answers),
    "Node.js": ("node", node_answers),
    "Go": ("go", go_answers),
    "Java": ("javac", java_answers),
}


@pytest.mark.parametrize("sample", SIGNATURES, ids=lambda sample: sample.language)
def test_signs_and_verifies_as_we_do(sample, tmp_path):
    tool, answers = TOOLS[sample.language]
    if tool and not shutil.which(tool):
        pytest.skip(f"{tool} is not installed here")
    shutil.copy(FOLDER / sample.name, tmp_path)
    calls, right = zip(*cases(), strict=True)
    assert len(calls) == len(VECTORS) + 12
    assert answers(list(calls), tmp_path) == list(right)


def test_the_code_on_the_page_is_the_code_in_the_files():
    assert {sample.language for sample in SIGNATURES} == set(TOOLS)
    assert all(sample.text == (FOLDER / sample.name).read_text() for sample in SIGNATURES)


def test_the_java_backend_compiles(tmp_path):
    if not shutil.which("javac"):
        pytest.skip("javac is not installed here")
    for name in ("Signatures.java", "Backend.java"):
        shutil.copy(FOLDER / name, tmp_path)
    reads = "static Map<String, Object> read(String text) { return Map.of(); }"
    writes = "static String write(Map<String, ?> value) { return value.toString(); }"
    (tmp_path / "Json.java").write_text(f"import java.util.Map;\nfinal class Json {{ {reads} {writes} }}\n")
    command = ["javac", "-J-Xmx128m", "-J-XX:TieredStopAtLevel=1", "-Xlint:all", "-Werror", "-encoding", "UTF-8", "-d", "."]
    assert run([*command, "Backend.java", "Signatures.java", "Json.java"], tmp_path) == ""


def test_the_document_shows_the_files_as_they_are():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert with_samples(text) == text, "Run `manage.py write_samples`."
    assert all(f"<!-- begin {path.name} -->" in text for path in FOLDER.iterdir() if path.is_file())
