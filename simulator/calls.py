"""Real HTTP between the fictitious parties and openServer, written down so that it can be read on a page."""

import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from console.http import send_sync
from console.http_messages import OutgoingRequest

OPENSERVER = "/openserver/v1"


@dataclass(frozen=True)
class Call:
    """One exchange. `answer` is the JSON object that came back, {} for anything else."""

    title: str
    method: str
    path: str
    headers: dict[str, str]
    request: str
    status: int | None
    response: str
    answer: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether openServer said "0"."""
        return self.status == 200 and self.answer.get("returnCode") == "0"

    @property
    def message(self) -> str:
        """What openServer said, for people."""
        return str(self.answer.get("returnMessage") or self.response[:200] or "No answer.")

    def as_record(self) -> dict[str, Any]:
        """What is kept of it."""
        return {
            "title": self.title, "method": self.method, "path": self.path, "headers": self.headers,
            "request": self.request, "status": self.status, "response": self.response, "ok": self.ok,
        }  # fmt: skip


def to_openserver(title: str, method: str, path: str, *, body: bytes = b"", headers: dict[str, str] | None = None) -> Call:
    """Send one request to this site's own openServer and wait at most 15 seconds for the answer."""
    sent = {"Content-Type": "application/json", **(headers or {})}
    url = settings.BASE_URL + path
    answer = send_sync(OutgoingRequest(url=url, method=method, headers=sent, body=body, deadline=15.0))
    text = answer.body.decode("utf-8", "replace") or answer.public_reason()
    return Call(title, method, path, sent, pretty(body.decode()), answer.status, pretty(text), as_object(text))


def as_object(text: str) -> dict[str, Any]:
    """The JSON object in `text`, or {}."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def pretty(text: str) -> str:
    """JSON with indents for reading; other text as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text


def header_text(headers: dict[str, str]) -> str:
    """Headers as they stand in a request."""
    return "\n".join(f"{name}: {value}" for name, value in headers.items())


def compact(value: dict[str, Any]) -> str:
    """JSON as it is signed and sent: made once, then never serialised again."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def now_and_nonce() -> tuple[int, str]:
    """Seconds since 1970 UTC and a fresh nonce."""
    return int(time.time()), secrets.token_hex(16)
