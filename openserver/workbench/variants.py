"""What people sign by mistake: variants of a text, of a message and of a key, each with the causes that it shows.

A cause is a code of openserver.workbench.causes. The right form has no causes and comes first; forms that are equal to an
earlier one are left out, so that a fault that changes nothing is never blamed.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import quote, quote_plus

from openserver.strict_json import is_too_deep

METHODS = ("requestMidasPaymentGameItem", "requestVirtualPayment")


class Form(NamedTuple):
    """Bytes, and what is wrong with them; nothing, for the right ones."""

    data: bytes
    causes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Key:
    """A secret's text. `causes` is what its use shows: another environment, an ended credential; none for an accepted one."""

    text: str = field(repr=False)
    causes: tuple[str, ...] = ()
    label: str = ""


@dataclass(frozen=True)
class Signed:
    """What a signature covers: `prefix` and `text` joined by `joint`; nothing is joined to an empty prefix.

    `raw_key`: the key is the base64 text's *bytes*, as for Standard Webhooks; otherwise it is the text itself. `encoding` is
    "hex" or "webhook". `others` are prefixes that stand for another mistake, `bodies` whole texts that are signed by mistake.
    """

    prefix: str
    text: str
    joint: str = "&"
    raw_key: bool = False
    encoding: str = "hex"
    others: tuple[tuple[str, str], ...] = ()
    bodies: tuple[tuple[str, str], ...] = ()

    @property
    def message(self) -> str:
        """Exactly what is signed."""
        return self.prefix + self.joint + self.text if self.prefix else self.text


def distinct(forms: Iterable[Form]) -> list[Form]:
    """The forms with the fewest causes first, each bytes once."""
    found: dict[bytes, Form] = {}
    for form in sorted(forms, key=lambda form: len(form.causes)):
        found.setdefault(form.data, form)
    return list(found.values())


def messages(signed: Signed, *, pasted: str = "") -> list[Form]:
    """The message, and what is signed instead of it; `pasted` is the text that somebody says they signed."""
    forms = []
    for text, causes in _texts(signed.text, pasted):
        for whole, more in _joined(signed, text):
            forms.append(Form(_bytes(whole), causes + more))
    forms += [Form(_bytes(text), (cause,)) for cause, text in signed.bodies]
    forms += [Form(data, ("charset",)) for data in _other_charsets(signed.message)]
    forms += [Form(_bytes(encoded(signed.message)), ("url_encoded",)) for encoded in (quote, quote_plus)]
    return distinct(forms)


def _texts(text: str, pasted: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield text, ()
    for end in ("\n", "\r\n"):
        yield text + end, ("trailing_newline",)
    yield text.strip(), ("trimmed",)
    yield "\ufeff" + text, ("byte_order_mark",)
    quoted = (json.dumps(text), json.dumps(text, ensure_ascii=False))
    yield from ((form, ("escaped",)) for whole in quoted for form in (whole, whole[1:-1]))
    yield from ((encoded(text, safe=""), ("url_encoded",)) for encoded in (quote, quote_plus))
    for again in reserialised(text):
        yield again, ("reserialised",)
        yield again + "\n", ("reserialised", "trailing_newline")
    for form in _as_pasted(pasted):
        yield form, ("different_text",)


def _as_pasted(pasted: str) -> Iterator[str]:
    # A browser sends line breaks as CR LF, and who copies a text easily takes a line break along.
    for form in (pasted, pasted.replace("\r\n", "\n")):
        if form:
            yield from (form, form.strip(), form + "\n")


def reserialised(text: str) -> list[str]:
    """The JSON `text` as serialisers of the usual languages write it again; [] for no object or array, or one too deep."""
    if is_too_deep(text):  # openServer takes none of it, and writing it with an indent may use up the stack
        return []
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return []
    if not isinstance(value, dict | list):
        return []
    layouts = [{"separators": (",", ":")}, {}, {"indent": 2}, {"indent": 4}]
    found = dict.fromkeys(
        json.dumps(value, ensure_ascii=ascii_only, sort_keys=in_order, **layout)  # type: ignore[arg-type]
        for layout in layouts
        for ascii_only in (False, True)
        for in_order in (False, True)
    )
    # PHP escapes slashes; Go and Java's Gson escape what HTML could misread.
    for again in list(found)[:4]:
        found[again.replace("/", r"\/")] = None
        found[again.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")] = None
    return [again for again in found if again != text]


def _joined(signed: Signed, text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    if not signed.prefix:
        yield text, ()
        for cause, other in signed.others:
            yield other + signed.joint + text, (cause,)
        return
    yield signed.prefix + signed.joint + text, ()
    yield text, ("missing_prefix",)
    yield signed.prefix + text, ("missing_joint",)
    yield text + signed.joint + signed.prefix, ("prefix_last",)
    for cause, other in signed.others:
        yield other + signed.joint + text, (cause,)


def _other_charsets(message: str) -> Iterator[bytes]:
    for charset in ("utf-16", "utf-16-le", "utf-16-be", "gb18030", "latin-1"):
        yield message.encode(charset, "replace")


def keys(signed: Signed, known: Iterable[Key]) -> list[tuple[Form, Key]]:
    """Every way in which the `known` keys are used, the right ones first."""
    found = [(form, key) for key in known if key.text for form in _key_forms(signed, key)]
    return sorted(found, key=lambda pair: len(pair[0].causes))


def _key_forms(signed: Signed, key: Key) -> list[Form]:
    text, raw = _bytes(key.text), _decoded(key.text)
    forms = [Form(text, ("key_text",) if signed.raw_key else ())]
    if raw:
        forms.append(Form(raw, () if signed.raw_key else ("key_decoded",)))
        forms.append(Form(raw.hex().encode(), ("key_hex",)))
    forms += [Form(text + end, ("key_newline",)) for end in (b"\n", b"\r\n")]
    forms.append(Form(b"whsec_" + text, ("key_whsec",)))
    forms.append(Form(text.rstrip(b"="), ("key_cut",)))
    return [Form(form.data, key.causes + form.causes) for form in distinct(forms)]


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
