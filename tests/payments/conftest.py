"""Places in the chain that tests of this app start from."""

import itertools

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from payments.actions import merchant as merchants
from payments.actions import payment as payments
from payments.models import Merchant, MerchantBinding, PaymentRequest


@pytest.fixture(scope="session")
def key_pool():
    """A few real RSA keys for all tests: making one takes longer than most tests do."""
    return [rsa.generate_private_key(public_exponent=65537, key_size=3072) for _number in range(3)]


@pytest.fixture(autouse=True)
def quick_keys(request, key_pool, monkeypatch):
    """Certificates get a key of the pool, except where the making of keys is what is tested."""
    if request.path.name != "test_certificates.py":
        pool = itertools.cycle(key_pool)
        monkeypatch.setattr(rsa, "generate_private_key", lambda **_size: next(pool))


@pytest.fixture
def merchant(orbit) -> Merchant:
    """A merchant of Orbit that settles in USD."""
    return Merchant.objects.create(superapp=orbit, merchant_id="1900000001", name="Northlight Ltd", currency="USD")


@pytest.fixture
def other_merchant(orbit) -> Merchant:
    """Another one, in JPY."""
    return Merchant.objects.create(superapp=orbit, merchant_id="1900000002", name="Northlight KK", currency="JPY")


@pytest.fixture
def bound(northlight, merchant, team_admin, approver) -> MerchantBinding:
    """The team's effective binding."""
    return merchants.approve(merchants.bind(northlight, merchant, actor=team_admin), actor=approver)


@pytest.fixture
def requested(starfall, bound, team_admin) -> PaymentRequest:
    """A payment request in progress."""
    return payments.request_payment(starfall, actor=team_admin, message="Starfall sells moonstones.")


@pytest.fixture
def approved(requested, approver) -> PaymentRequest:
    """The payment permission."""
    return payments.approve(requested, actor=approver)


@pytest.fixture
def as_person(client):
    """Sign in and return the client: `as_person(approver).get(…)`."""

    def sign_in(person):
        client.force_login(person)
        return client

    return sign_in


def again(row):
    """The row as it is stored now; a protected state cannot be refreshed in place."""
    return type(row).objects.get(pk=row.pk)


def follow(client, response):
    """The page a successful POST leads to."""
    assert response.status_code == 302, response.content.decode()
    return client.get(response["Location"])
