"""What a receiver may do with a push, as scripts, and what each must come to. `test_receiver_faults.py` plays them over sockets.

A script is a tuple of steps: bytes are sent; PAUSE waits a little; DRIP sends what follows a byte at a time; FLOOD repeats what
follows until the caller goes; HANG waits until the caller goes; RST and FIN end the connection. AT_ONCE anywhere: it begins
before the request was read; BYTE reads one of it. An answer without an end is closed with FIN.
"""

import gzip
import json
from dataclasses import dataclass
from typing import Any

PAUSE, BYTE, DRIP, FLOOD, HANG, RST, FIN, AT_ONCE = "pause", "byte", "drip", "flood", "hang", "rst", "fin", "at once"
RIGHT = b'{"returnCode": "0", "returnMessage": "ok"}'
LIMIT = 64 * 1024
CHUNKED = "Transfer-Encoding: chunked"


@dataclass(frozen=True)
class Case:
    """`outcome` is what the attempt must say, `more` its returnCode, or its error class when there is no whole answer."""

    name: str
    script: tuple[Any, ...]
    outcome: str
    more: str = ""


def head(*lines: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode()


def whole(body: bytes, *lines: str, status: str = "200 OK") -> bytes:
    return head(f"Content-Length: {len(body)}", *lines, status=status) + body


def code(value: str) -> bytes:
    """An answer whose returnCode is this JSON text."""
    return whole(b'{"returnCode": ' + value.encode() + b"}")


def chunked(*chunks: bytes) -> bytes:
    parts = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return head(CHUNKED) + parts


ACKNOWLEDGED = [
    Case("text 0", (whole(RIGHT),), "acknowledged", "0"),
    Case("integer 0", (code("0"),), "acknowledged", "0"),
    Case("integer -0", (code("-0"),), "acknowledged", "0"),
    Case("escaped 0", (code('"\\u0030"'),), "acknowledged", "0"),
    Case("white space around", (whole(b"\r\n\t " + RIGHT + b"\n\n"),), "acknowledged", "0"),
    Case("called HTML", (whole(RIGHT, "Content-Type: text/html; charset=utf-16"),), "acknowledged", "0"),
    Case("chunked", (chunked(RIGHT[:5], RIGHT[5:], b""),), "acknowledged", "0"),
    Case("no length, ends with FIN", (head() + RIGHT,), "acknowledged", "0"),
    Case("HTTP/1.0", (b"HTTP/1.0 200 OK\r\n\r\n" + RIGHT,), "acknowledged", "0"),
    Case("another reason phrase", (whole(RIGHT, status="200 Not Found"),), "acknowledged", "0"),
    Case("no reason phrase", (whole(RIGHT, status="200"),), "acknowledged", "0"),
    Case("kept open", (whole(RIGHT, "Connection: keep-alive"), HANG), "acknowledged", "0"),
    Case("a byte at a time", (DRIP, whole(RIGHT)), "acknowledged", "0"),
    Case("100 Continue before", (b"HTTP/1.1 100 Continue\r\n\r\n", PAUSE, whole(RIGHT)), "acknowledged", "0"),
    Case("103 Early Hints before", (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", whole(RIGHT)), "acknowledged", "0"),
    Case("64 KiB", (whole(RIGHT + b" " * (LIMIT - len(RIGHT))),), "acknowledged", "0"),
    Case("more after the end", (whole(RIGHT) + b"HTTP/1.1 500 No\r\n\r\n",), "acknowledged", "0"),
    Case("identity encoding", (whole(RIGHT, "Content-Encoding: identity"),), "acknowledged", "0"),
]
REFUSED = [
    Case(f"returnCode {value}", (code(value),), "refused", json.loads(value) if value.startswith('"') else value)
    for value in (
        '"1"', "1", '"00"', '"0 "', '" 0"', '"+0"', '"0.0"', '""', "null", "false", "true", "0.0", "[]", "{}", '"０"', '"ok"'
    )  # fmt: skip
]
NOT_UNDERSTOOD = [
    Case("nothing", (whole(b""),), "bad_body"),
    Case("OK", (whole(b"OK"),), "bad_body"),
    Case("HTML", (whole(b"<html>{&quot;returnCode&quot;: 0}</html>"),), "bad_body"),
    Case("a list", (whole(b'[{"returnCode": "0"}]'),), "bad_body"),
    Case("a bare 0", (whole(b"0"),), "bad_body"),
    Case("another field", (whole(b'{"code": "0"}'),), "bad_body"),
    Case("lower case", (whole(b'{"returncode": "0"}'),), "bad_body"),
    Case("deeper", (whole(b'{"data": {"returnCode": "0"}}'),), "bad_body"),
    Case("twice, 1 then 0", (whole(b'{"returnCode": "1", "returnCode": "0"}'),), "bad_body"),
    Case("twice, 0 then 0", (whole(b'{"returnCode": "0", "returnCode": "0"}'),), "bad_body"),
    Case("another key twice", (whole(b'{"a": 1, "a": 1, "returnCode": "0"}'),), "bad_body"),
    Case("byte order mark", (whole(b"\xef\xbb\xbf" + RIGHT),), "bad_body"),
    Case("UTF-16", (whole(RIGHT.decode().encode("utf-16")),), "bad_body"),
    Case("UTF-16 without mark", (whole(RIGHT.decode().encode("utf-16-le")),), "bad_body"),
    Case("not UTF-8", (whole(b'{"returnCode": "0", "a": "\xff\xfe"}'),), "bad_body"),
    Case("NUL behind", (whole(RIGHT + b"\x00"),), "bad_body"),
    Case("NUL in a text", (whole(b'{"returnCode": "0", "a": "\x00"}'),), "bad_body"),
    Case("two objects", (whole(RIGHT + RIGHT),), "bad_body"),
    Case("single quotes", (whole(b"{'returnCode': '0'}"),), "bad_body"),
    Case("comma behind", (whole(b'{"returnCode": "0",}'),), "bad_body"),
    Case("NaN", (whole(b'{"returnCode": "0", "a": NaN}'),), "bad_body"),
    Case("JSONP", (whole(b'done({"returnCode": "0"})'),), "bad_body"),
    Case("deep", (whole(b'{"a":' * 10_000 + RIGHT + b"}" * 10_000),), "bad_body"),
    Case("a number of 9,000 digits", (whole(b'{"returnCode": "0", "a": ' + b"9" * 9000 + b"}"),), "bad_body"),
    Case("gzip", (whole(gzip.compress(RIGHT), "Content-Encoding: gzip"),), "bad_body"),
    Case("a bomb", (whole(gzip.compress(b" " * 30_000_000), "Content-Encoding: gzip"),), "bad_body"),
    Case("a byte too long", (whole(RIGHT + b" " * (LIMIT + 1 - len(RIGHT))),), "bad_body", "too_large"),
    Case("endless", (head(), FLOOD, RIGHT + b" " * 4096), "bad_body", "too_large"),
    Case("endless chunks", (head(CHUNKED), FLOOD, b"1000\r\n" + b" " * 4096 + b"\r\n"), "bad_body", "too_large"),
]
STATUSES = [
    Case(f"status {status}", (whole(RIGHT, status=f"{status} X"),), "bad_status")
    for status in (201, 202, 203, 206, 400, 401, 403, 404, 408, 410, 429, 500, 502, 503, 504, 599)
] + [
    Case("status 204", (head(status="204 No Content"),), "bad_status"),
    Case("status 205", (whole(b"", status="205 Reset"),), "bad_status"),
    Case("status 304", (head(status="304 Not Modified"),), "bad_status"),
    Case("status 101", (head("Connection: upgrade", "Upgrade: h2c", status="101 Switching Protocols"),), "bad_status"),
    *(
        Case(f"redirect {status}", (whole(RIGHT, "Location: /trap", status=f"{status} X"),), "bad_status")
        for status in (300, 301, 302, 303, 307, 308)
    ),
]
NO_HTTP = [
    Case("FIN at once", (AT_ONCE, FIN), "no_answer", "protocol"),
    Case("RST in the request", (AT_ONCE, BYTE, RST), "no_answer", "protocol"),
    Case("FIN instead of an answer", (FIN,), "no_answer", "protocol"),
    Case("RST instead of an answer", (RST,), "no_answer", "protocol"),
    Case("RST in the status line", (b"HTTP/1.", PAUSE, RST), "no_answer", "protocol"),
    Case("RST in the headers", (b"HTTP/1.1 200 OK\r\nContent-", PAUSE, RST), "no_answer", "protocol"),
    Case("RST before the body", (head("Content-Length: 42"), PAUSE, RST), "no_answer", "protocol"),
    Case("RST in the body", (head("Content-Length: 99") + RIGHT, PAUSE, RST), "no_answer", "protocol"),
    Case("FIN in the headers", (b"HTTP/1.1 200 OK\r\nContent-", FIN), "no_answer", "protocol"),
    Case("FIN in the body", (head("Content-Length: 99") + RIGHT,), "no_answer", "protocol"),
    Case("a flood of headers", (b"HTTP/1.1 200 OK\r\n", FLOOD, b"X: y\r\n" * 500), "no_answer", "protocol"),
    Case("a header of 100 KB", (whole(RIGHT, "X: " + "y" * 100_000),), "no_answer", "protocol"),
    Case("a status line of 100 KB", (whole(RIGHT, status="200 " + "y" * 100_000),), "no_answer", "protocol"),
    Case("chunk size of letters", (head(CHUNKED) + b"zz\r\n" + RIGHT + b"\r\n0\r\n\r\n",), "no_answer", "protocol"),
    Case("negative chunk", (head(CHUNKED) + b"-1\r\n" + RIGHT,), "no_answer", "protocol"),
    Case("chunks without an end", (chunked(RIGHT),), "no_answer", "protocol"),
    Case("chunk shorter than it says", (head(CHUNKED) + b"ff\r\n" + RIGHT,), "no_answer", "protocol"),
    Case("length and chunks", (head("Content-Length: 42", CHUNKED) + RIGHT,), "no_answer", "protocol"),
    Case("two lengths", (head("Content-Length: 2", "Content-Length: 42") + RIGHT,), "no_answer", "protocol"),
    Case("negative length", (head("Content-Length: -1") + RIGHT,), "no_answer", "protocol"),
    Case("length of letters", (head("Content-Length: many") + RIGHT,), "no_answer", "protocol"),
    Case("HTTP/0.9", (RIGHT,), "no_answer", "protocol"),
    Case("HTTP/2", (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + b"\x00" * 18,), "no_answer", "protocol"),
    Case("HTTP/9.9", (b"HTTP/9.9 200 OK\r\n\r\n" + RIGHT,), "no_answer", "protocol"),
    Case("an SSH server", (AT_ONCE, b"SSH-2.0-OpenSSH_9.2\r\n", HANG), "no_answer", "protocol"),
    Case("status of letters", (whole(RIGHT, status="2OO OK"),), "no_answer", "protocol"),
    Case("status of two digits", (whole(RIGHT, status="20 OK"),), "no_answer", "protocol"),
    Case("status of four digits", (whole(RIGHT, status="2000 OK"),), "no_answer", "protocol"),
    Case("NUL in a header", (whole(RIGHT, "X: \x00"),), "no_answer", "protocol"),
    Case("a header without a name", (whole(RIGHT, ": x"),), "no_answer", "protocol"),
    Case("a header without a colon", (whole(RIGHT, "nonsense"),), "no_answer", "protocol"),
    Case("random bytes", (bytes(range(255, -1, -1)) * 4,), "no_answer", "protocol"),
]
SILENT = [
    Case("silence", (HANG,), "no_answer", "timeout"),
    Case("silence before the request", (AT_ONCE, HANG), "no_answer", "timeout"),
    Case("silence after the status line", (b"HTTP/1.1 200 OK\r\n", HANG), "no_answer", "timeout"),
    Case("silence in the headers", (b"HTTP/1.1 200 OK\r\nContent-Le", HANG), "no_answer", "timeout"),
    Case("silence before the body", (head("Content-Length: 42"), HANG), "no_answer", "timeout"),
    Case("silence in the body", (head("Content-Length: 99") + RIGHT, HANG), "no_answer", "timeout"),
    Case("no end, no length", (head() + RIGHT, HANG), "no_answer", "timeout"),
    Case("slow headers", (b"HTTP/1.1 200 OK\r\nX: ", FLOOD, PAUSE, b"x"), "no_answer", "timeout"),
    Case("slow body", (head("Content-Length: 60000"), FLOOD, PAUSE, b" "), "no_answer", "timeout"),
    Case("slow chunks", (head(CHUNKED), FLOOD, PAUSE, b"1\r\n \r\n"), "no_answer", "timeout"),
    Case("only 100 Continue", (FLOOD, PAUSE, b"HTTP/1.1 100 Continue\r\n\r\n"), "no_answer", "timeout"),
    Case("a flood of 1xx", (FLOOD, b"HTTP/1.1 102 Processing\r\n\r\n" * 50), "no_answer", "timeout"),
]
GROUPS = [ACKNOWLEDGED, REFUSED, NOT_UNDERSTOOD, STATUSES, NO_HTTP, SILENT]
