"""A mini game whose stand-in developers have keys, and one loaded demo for all tests of a module."""

from collections.abc import Iterator

import pytest
from django.db import transaction

from payments.actions import credential as credentials
from simulator.demo.loading import load
from simulator.developer import backend_of
from simulator.models import DeveloperBackend


@pytest.fixture
def backend(starfall, team_admin) -> DeveloperBackend:
    """The developers of Starfall with the keys of its credential installed."""
    prepared = credentials.prepare(starfall)
    credentials.issue(starfall, prepared, actor=team_admin)
    row = backend_of(starfall)
    row.install(
        serial_no=prepared.issued.serial_hex, certificate_pem=prepared.issued.certificate_pem,
        private_key_pem=prepared.issued.private_key_pem, live=prepared.live_key, sandbox=prepared.sandbox_key,
    )  # fmt: skip
    return row


@pytest.fixture(scope="module")
def loaded_demo(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[None]:
    """The demo's rows, loaded once for the module and taken back afterwards."""
    with django_db_blocker.unblock():
        with transaction.atomic():
            assert load()
            yield
            transaction.set_rollback(True)
