"""Who calls: a superapp by its secret key, a developer by the certificate (docs/openserver.md, "Signing a request").

A nonce is spent only after the signature fits, so that a stranger cannot use up somebody's nonces.
"""

import time
from contextlib import suppress
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from django.db import connection
from django.http import HttpRequest
from django.utils import timezone

from console.models import MiniProgram, Superapp
from openserver.envelope import body_of
from openserver.errors import ApiError
from openserver.keys import opened
from openserver.limits import count_program
from openserver.signatures import (
    DeveloperAuth,
    SuperappAuth,
    parse_authorization,
    read_superapp_headers,
    verify_developer,
    verify_superapp,
)
from payments.certificates import public_key
from payments.keys import certificate_by_serial, note_old_use
from payments.models import Credential

#: Set in META of a call that a superapp or a certificate signed: it is not counted against its address.
PROVEN = "openserver.proven"


def superapp_of(request: HttpRequest) -> Superapp:
    """Return the superapp that signed the request, and spend its nonce. Raises ApiError AUTH_INVALID."""
    auth = read_superapp_headers(request.headers)
    superapp = Superapp.objects.filter(code=auth.superapp).first()
    # An unknown superapp is checked against no key, and answered like a wrong signature: codes cannot be tried out.
    keys = [opened(sealed, superapp.secret_binding) for sealed in superapp.accepted_secrets()] if superapp else []
    _verify_any(auth, keys or [""], _signed_parts(request))
    assert superapp is not None
    _spend_nonce(f"superapp:{auth.superapp}", auth)
    request.META[PROVEN] = True
    return superapp


def _verify_any(auth: SuperappAuth, keys: list[str], parts: dict[str, object]) -> None:
    """Accept the signature of one of the keys: there are up to three while a key is being replaced. Raises AUTH_INVALID."""
    *others, last = keys
    for key in others:
        with suppress(ApiError):
            return verify_superapp(auth, secret_key=key, now=time.time(), **parts)  # type: ignore[arg-type]
    verify_superapp(auth, secret_key=last, now=time.time(), **parts)  # type: ignore[arg-type]


def developer_of(request: HttpRequest) -> MiniProgram:
    """Return the mini program whose certificate signed the request, and spend the nonce. Raises ApiError AUTH_INVALID."""
    auth = parse_authorization(request.headers.get("Authorization", ""))
    credential = certificate_by_serial(auth.serial_no)
    if credential is None or credential.mini_program.app_id != auth.app_id:
        raise ApiError(
            "AUTH_INVALID",
            "serial_no names no certificate in force of this appid. Use the newest certificate; the console shows its number.",
        )
    key = _public_key(credential.certificate_pem)
    verify_developer(key, auth, now=time.time(), **_signed_parts(request))  # type: ignore[arg-type]
    _spend_nonce(f"developer:{credential.serial_no}", auth)
    request.META[PROVEN] = True
    count_program(credential.mini_program_id)
    if credential.state == Credential.State.OVERLAPPING:
        note_old_use(credential_id=credential.pk)
    return credential.mini_program


def program_of(superapp: Superapp, app_id: str) -> MiniProgram:
    """Return a mini program of this superapp. Raises AUTH_INVALID, the same for another superapp's as for one that is not."""
    program = MiniProgram.objects.filter(superapp=superapp, app_id=app_id).first()
    if program is None:
        raise ApiError("AUTH_INVALID", "appId names no mini program of your superapp. Check it in the console.")
    return program


def require_own(program: MiniProgram, app_id: object) -> None:
    """Refuse a developer who names another mini program than the certificate's. Raises AUTH_INVALID."""
    if app_id != program.app_id:
        raise ApiError("AUTH_INVALID", "appId is not the mini program of your certificate. Send the appid you signed with.")


def _signed_parts(request: HttpRequest) -> dict[str, object]:
    # The path as it stands in the request line: Django's get_full_path() would write escapes in its own way.
    path = request.META.get("RAW_URI") or request.META.get("REQUEST_URI") or request.get_full_path()
    body = b"" if request.method == "GET" else body_of(request)
    return {"method": request.method or "", "path_and_query": path, "body": body}


@lru_cache(maxsize=1024)
def _public_key(certificate_pem: str) -> RSAPublicKey:
    return public_key(certificate_pem.encode())


def _spend_nonce(caller: str, auth: SuperappAuth | DeveloperAuth) -> None:
    """Note the nonce, once for ever as far as the clock window reaches. Raises AUTH_INVALID for a second use."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO openserver_nonce (caller, value, seen_at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            [caller, auth.nonce, connection.ops.adapt_datetimefield_value(timezone.now())],
        )
        if cursor.rowcount != 1:
            raise ApiError("AUTH_INVALID", "This nonce was used before. Sign every request with a new one.")
