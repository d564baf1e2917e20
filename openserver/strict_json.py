"""JSON as openServer reads it: strictly (docs/domain.md, section 6).

One object, UTF-8, at most 16 KB and 32 levels, no duplicate keys, no NaN or Infinity, no fractions or exponents, whole
numbers of 64 bits, no NUL and no half of a surrogate pair. Two readers of the same bytes must never see different values,
and nothing that a database cannot store gets past here. Every fault is an ApiError.
"""

import json
import re
from collections.abc import Collection
from typing import Any

from openserver.errors import ApiError

MAX_BYTES = 16 * 1024
MAX_DEPTH = 32
MAX_INTEGER = 2**63 - 1

_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_DIGITS = re.compile(r"[0-9]{1,19}")


def parse(body: bytes, *, allow_floats: bool = False, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """Return the object in `body`. Raises ApiError BAD_JSON or DUPLICATE_FIELD.

    `allow_floats` is for bodies without money that others define; then fractions are read as float.
    """
    if len(body) > max_bytes:
        raise _bad(f"The JSON is {len(body)} bytes long. Send at most {max_bytes} bytes.")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _bad(f"The body is not UTF-8: byte {error.start} cannot be read. Send JSON in UTF-8.") from None
    return _parse(text, allow_floats)


def parse_text(text: str, *, allow_floats: bool = False, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """Return the object in a JSON string that came inside another body (signData, Payload). Raises ApiError as `parse`."""
    # A character has at most 4 bytes: the encoding is only made when it could matter.
    if len(text) * 4 > max_bytes and len(text.encode("utf-8", "surrogatepass")) > max_bytes:
        raise _bad(f"The JSON is too long. Send at most {max_bytes} bytes.")
    return _parse(text, allow_floats)


def fields(obj: dict[str, Any], *, required: Collection[str], optional: Collection[str] = ()) -> None:
    """Refuse an object that lacks a `required` field or has one that is neither. Raises MISSING_FIELD, UNKNOWN_FIELD."""
    require(obj, required)
    for name in obj:
        if name not in required and name not in optional:
            raise ApiError("UNKNOWN_FIELD", f"The field {_shown(name)} is not known. Remove it or correct its spelling.")


def require(obj: dict[str, Any], names: Collection[str]) -> None:
    """Refuse an object that lacks one of `names`; others may be there (signData is open). Raises MISSING_FIELD."""
    for name in names:
        if name not in obj:
            raise ApiError("MISSING_FIELD", f"The field {_shown(name)} is missing. Send it.")


def part(obj: dict[str, Any], name: str, *, required: Collection[str]) -> dict[str, Any]:
    """Return the object in the field `name`, which has the `required` fields and no other. Raises BAD_JSON and as `fields`."""
    value = obj[name]
    if not isinstance(value, dict):
        raise _bad(f"{name} is {_kind(value)}. Send an object.")
    fields(value, required=required)
    return value


def text(value: object, field: str, max_length: int, *, min_length: int = 1, code: str = "BAD_JSON") -> str:
    """Return `value` if it is a string of `min_length` to `max_length` characters without control characters.

    Raises ApiError `code`.
    """
    if not isinstance(value, str):
        raise ApiError(code, f"{field} is {_kind(value)}. Send a string.")
    if not min_length <= len(value) <= max_length:
        raise ApiError(code, f"{field} has {len(value)} characters. Send {min_length} to {max_length}.")
    if _CONTROL.search(value) or _SURROGATE.search(value):
        raise ApiError(code, f"{field} holds a control character. Remove it.")
    return value


def whole_number(
    value: object, field: str, minimum: int, maximum: int, code: str = "BAD_JSON", *, digits_allowed: bool = False
) -> int:
    """Return `value` if it is a whole number in the bounds; with `digits_allowed` a string of digits is one too.

    `true` is not 1 and 1.0 is not 1. Raises ApiError `code`.
    """
    if digits_allowed and isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if type(value) is not int:
        wanted = "a whole number or a string of digits" if digits_allowed else "a whole number"
        raise ApiError(code, f"{field} is {_kind(value)}. Send {wanted} from {minimum} to {maximum}.")
    if not minimum <= value <= maximum:
        raise ApiError(code, f"{field} is {value}. Send a whole number from {minimum} to {maximum}.")
    return value


def is_too_deep(text: str) -> bool:
    """Whether a JSON text has more than MAX_DEPTH levels; told without reading it, which takes a level of the stack for each."""
    # The count is never below the depth, so the usual short body is done here; brackets inside strings cost a second look.
    if text.count("{") + text.count("[") <= MAX_DEPTH:
        return False
    depth = 0
    for mark in re.findall(r"[\[\]{}]", _STRINGS.sub("", text)):
        depth += 1 if mark in "[{" else -1
        if depth > MAX_DEPTH:
            return True
    return False


def _parse(text: str, allow_floats: bool) -> dict[str, Any]:
    if text.startswith("\ufeff"):
        raise _bad("The body begins with a byte order mark. Send the JSON without it.")
    if is_too_deep(text):
        raise _too_deep()
    try:
        value = (_WITH_FLOATS if allow_floats else _WITHOUT_FLOATS).decode(text)
    except json.JSONDecodeError as error:
        raise _bad(f"The JSON cannot be read: {error.msg}, line {error.lineno}, column {error.colno}.") from None
    except RecursionError:
        raise _too_deep() from None
    if type(value) is not dict:
        raise _bad(f"The JSON is {_kind(value)}. Send one object: {{…}}.")
    # Raw control characters are refused by the decoder, raw surrogates by UTF-8: only an escape can bring them in.
    if "\\u" in text or _SURROGATE.search(text):
        _refuse_unstorable(value)
    return value


def _refuse_unstorable(value: object) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            _refuse_unstorable(name)
            _refuse_unstorable(inner)
    elif isinstance(value, list):
        for inner in value:
            _refuse_unstorable(inner)
    elif isinstance(value, str) and ("\0" in value or _SURROGATE.search(value)):
        raise _bad("A string holds NUL or half of a surrogate pair (\\u0000 or \\ud800–\\udfff alone). Remove it.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _value in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ApiError("DUPLICATE_FIELD", f"The field {_shown(twice)} appears more than once. Send it once.")
    return made


def _whole(digits: str) -> int:
    # The length first: int() of thousands of digits raises, and of hundreds costs time.
    if len(digits) > 20 or abs(number := int(digits)) > MAX_INTEGER:
        raise _bad(f"The number {digits[:24]}… is too large. Send at most {MAX_INTEGER}.")
    return number


def _no_float(found: str) -> float:
    raise _bad(f"The number {found[:24]} has a fraction or an exponent. Send whole numbers; money is in minor units.")


def _finite(found: str) -> float:
    number = float(found)
    if number in (float("inf"), float("-inf")):
        raise _bad(f"The number {found[:24]} is too large. Send a smaller one.")
    return number


def _no_constant(found: str) -> float:
    raise _bad(f"{found} is not JSON. Send a number, a string or null.")


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", int: "a number", float: "a fraction"}
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return names.get(type(value), "something else")


def _shown(name: str) -> str:
    return json.dumps(name[:64])


def _bad(message: str) -> ApiError:
    return ApiError("BAD_JSON", message)


def _too_deep() -> ApiError:
    return _bad(f"The JSON is nested too deeply. Use at most {MAX_DEPTH} levels.")


# Made once: json.loads with hooks builds a decoder for every call.
_WITHOUT_FLOATS = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_no_float, parse_int=_whole, parse_constant=_no_constant
)
_WITH_FLOATS = json.JSONDecoder(object_pairs_hook=_object, parse_float=_finite, parse_int=_whole, parse_constant=_no_constant)
