"""Keys of this installation. Standard library only: settings and `make setup` read it before anything is installed."""

import base64
import binascii
import os
import secrets
from pathlib import Path

KEY_BYTES = 32


class KeyFormatError(ValueError):
    """A key in the environment cannot be read; the sentence says which and what is expected."""


def generate() -> dict[str, str]:
    """Return fresh values for SECRET_KEY, MASTER_KEYS and AUDIT_KEY."""
    return {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "MASTER_KEYS": f"{secrets.token_hex(4)}:{base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}",
        "AUDIT_KEY": base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode(),
    }


def load_or_create(path: Path) -> dict[str, str]:
    """Return the keys kept in `path`, which is written once, readable by its owner only.

    For the demo and for development; production takes its keys from the environment. Two processes that start at once
    agree: the file appears complete by a link, and who comes second reads the first one's.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.writelines(f"{name}={value}\n" for name, value in generate().items())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    lines = path.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def parse_key(text: str, *, name: str) -> bytes:
    """Return the 32 bytes of a base64 key. Raises KeyFormatError."""
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise KeyFormatError(f"{name} is not base64; make one with: openssl rand -base64 {KEY_BYTES}") from error
    if len(key) != KEY_BYTES:
        raise KeyFormatError(f"{name} has {len(key)} bytes, it needs {KEY_BYTES}: openssl rand -base64 {KEY_BYTES}")
    return key


def parse_master_keys(text: str) -> dict[str, bytes]:
    """Return id → key of "id:base64,id2:base64" in order; the first is the current one. Raises KeyFormatError."""
    keys: dict[str, bytes] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        key_id, colon, value = part.partition(":")
        if not colon or not key_id or key_id in keys:
            raise KeyFormatError("MASTER_KEYS must look like id:base64,id2:base64 with a different id for each key.")
        keys[key_id] = parse_key(value, name=f"MASTER_KEYS, key {key_id}")
    return keys
