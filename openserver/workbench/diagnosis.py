"""Why a signature that somebody computed is not the right one: a pure function over texts and keys.

It only ever compares with what was pasted. It never returns a key or a signature, so nobody can have something signed here.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from openserver.workbench.causes import NOTES
from openserver.workbench.variants import Form, Key, Signed, keys, messages

AROUND = 24  # characters shown on either side of the first difference
MOST_CAUSES = 3  # of text and key together; who made more mistakes finds one after the other

_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_BASE64_URL = re.compile(r"[A-Za-z0-9_-]+={0,2}")
# Base64 may begin with 0x too: it is a label only before hexadecimal digits.
_LABEL = re.compile(r"(?:hmac-)?sha-?256=|v1[,=]|0x(?=[0-9a-f]+$)", re.IGNORECASE)
_LENGTHS = (16, 20, 28, 32, 48, 64)  # bytes, of the usual hashes
_OTHER_HASHES = ("sha1", "md5", "sha512", "sha384", "sha224")


class Difference(NamedTuple):
    """Where two texts part. `at` counts characters from 1; the excerpts begin a little before."""

    at: int
    expected: str
    found: str


@dataclass(frozen=True)
class Diagnosis:
    """What was found. `fits`: the signature is right, though something may be worth saying. Not `fits` and no causes: nothing
    explains it. `key` is the one that was used. `difference` is there when a pasted text is not the signed one.
    """

    fits: bool
    causes: tuple[str, ...] = ()
    key: Key | None = None
    difference: Difference | None = None


_Found = tuple[tuple[str, ...], Key | None]


class _Digest(NamedTuple):
    """A pasted signature read as bytes, and what is unusual about how it was written."""

    data: bytes
    causes: tuple[str, ...]


def diagnose(signed: Signed, signature: str, known: Iterable[Key], *, text: str = "") -> Diagnosis:
    """Say how `signature` came about; `text` is what the person's code signed, if they know it.

    The explanation with the fewest causes wins. Costs some ten thousand HMACs at most, when nothing explains it.
    """
    readings, difference = list(_readings(signature.strip(), signed.encoding)), first_difference(signed, text)
    found = _explanation(signed, readings, list(known), text) if readings else None
    if found is None:
        return Diagnosis(False, _unread(readings), None, difference)
    causes, key = found
    return Diagnosis(not set(causes) - NOTES, causes, key, difference if "different_text" in causes else None)


def _explanation(signed: Signed, readings: list[_Digest], known: list[Key], text: str) -> _Found | None:
    forms, tried = messages(signed, pasted=text), keys(signed, known)
    for faults in range(MOST_CAUSES + 1):
        for form in forms:
            for key_form, key in tried:
                if len(form.causes) + len(key_form.causes) != faults:
                    continue
                made = hmac.digest(key_form.data, form.data, "sha256")
                for digest in readings:
                    if _same(made, digest.data):
                        return tuple(dict.fromkeys(form.causes + key_form.causes + digest.causes)), key
    return _wrong_function(forms[0], readings, tried)


def _wrong_function(right: Form, readings: list[_Digest], tried: list[tuple[Form, Key]]) -> _Found | None:
    for cause, function in _functions():
        for key_form, key in tried:
            made = function(key_form.data, right.data)
            for digest in readings:
                if _same(made, digest.data):
                    return (cause, *key_form.causes, *digest.causes), None if cause == "no_key" else key
    return None


def _functions() -> Iterator[tuple[str, Callable[[bytes, bytes], bytes]]]:
    for name in _OTHER_HASHES:
        yield "other_hash", lambda key, message, name=name: hmac.digest(key, message, name)  # type: ignore[misc]
    yield "swapped", lambda key, message: hmac.digest(message, key, "sha256")
    yield "no_hmac", lambda key, message: hashlib.sha256(key + message).digest()
    yield "no_hmac", lambda key, message: hashlib.sha256(message + key).digest()
    yield "no_key", lambda key, message: hashlib.sha256(message).digest()
    yield "no_key", lambda key, message: hmac.digest(b"", message, "sha256")


def _readings(pasted: str, encoding: str) -> Iterator[_Digest]:
    """Every way to read what was pasted as a digest; the usual one first."""
    text, causes = _bare(pasted, encoding)
    if _HEX.fullmatch(text):
        own = ("hex",) if encoding == "webhook" else ()
        case = ("upper_case",) if text != text.lower() and not own else ()
        yield from _of_usual_length(bytes.fromhex(text), causes + own + case)
    own = () if encoding == "webhook" else ("base64",)
    if _BASE64.fullmatch(text):
        yield from _of_base64(text, causes + own)
    elif _BASE64_URL.fullmatch(text):
        yield from _of_base64(text.replace("-", "+").replace("_", "/"), (*causes, "base64_url"))


def _bare(pasted: str, encoding: str) -> tuple[str, tuple[str, ...]]:
    causes: list[str] = []
    text = pasted.strip("\"'`")
    if text != pasted:
        causes.append("quotes")
    label = _LABEL.match(text)
    text = text[label.end() :] if label else text
    if encoding == "webhook":
        causes += [] if label and label[0] == "v1," else ["version_missing"]
    elif label:
        causes.append("label")
    if encoding == "hex" and re.fullmatch(r"[0-9A-Fa-f]{2}([:\s-][0-9A-Fa-f]{2})+", text):
        return re.sub(r"[:\s-]", "", text), (*causes, "separators")
    return text, tuple(causes)


def _of_base64(text: str, causes: tuple[str, ...]) -> Iterator[_Digest]:
    try:
        data = base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), validate=True)
    except (binascii.Error, ValueError):
        return
    yield from _of_usual_length(data, causes)
    try:
        inner = bytes.fromhex(data.decode("ascii"))
    except ValueError:
        return
    yield from _of_usual_length(inner, (*(cause for cause in causes if cause != "base64"), "base64_of_hex"))


def _of_usual_length(data: bytes, causes: tuple[str, ...]) -> Iterator[_Digest]:
    if len(data) in _LENGTHS:
        yield _Digest(data, causes)


def _unread(readings: list[_Digest]) -> tuple[str, ...]:
    if not readings:
        return ("unreadable",)
    return ("other_length",) if all(len(digest.data) != 32 for digest in readings) else ()


def first_difference(signed: Signed, pasted: str) -> Difference | None:
    """Where a pasted text parts from the message, or from its text alone if that is nearer; None when it does not."""
    pasted = pasted.replace("\r\n", "\n")
    right = (signed.message, signed.text)
    if not pasted or pasted in right or pasted.strip() in {text.replace("\r\n", "\n") for text in right}:
        return None
    expected = max(right, key=lambda text: _common(text, pasted))
    at = _common(expected, pasted)
    begin = max(0, at - AROUND)
    return Difference(at + 1, expected[begin : at + AROUND], pasted[begin : at + AROUND])


def _common(one: str, other: str) -> int:
    pairs = zip(one, other, strict=False)
    return next((index for index, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _same(one: bytes, other: bytes) -> bool:
    return hmac.compare_digest(one, other)
