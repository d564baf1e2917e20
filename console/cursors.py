"""The places in a list, as an address writes them: sort value and id of a row.

They are opaque but no secret: they hold nothing that the list does not show.
"""

import base64
import binascii
import json
from typing import Any

from django.core.exceptions import ValidationError


def written(value: Any, pk: int) -> str:
    """The cursor of the row with this sort value and id."""
    plain = json.dumps([value.isoformat() if hasattr(value, "isoformat") else value, pk])
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def read(text: str, field: Any) -> tuple[Any, int] | None:
    """Sort value and id of a cursor of a list that is sorted by the field, None for a broken one."""
    try:
        plain = json.loads(base64.urlsafe_b64decode(text[:400] + "=" * (-len(text) % 4)))
        value, pk = plain if isinstance(plain, list) else (None, None)
        value = getattr(field, "output_field", field).clean(value, None)
    except (binascii.Error, ValueError, TypeError, ValidationError, OverflowError, RecursionError):
        return None
    aware = not hasattr(value, "tzinfo") or value.tzinfo is not None
    return (value, pk) if type(pk) is int and 0 < pk < 2**63 and aware and "\x00" not in str(value) else None
