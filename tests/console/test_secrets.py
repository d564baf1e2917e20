"""Secrets at rest: sealed, bound to their place, rotatable, and never told in an error."""

import base64

import pytest

from console import secrets
from console.secrets import SecretError, rewrap, seal, unseal

PLACE = "payments_credential:7:app_key_live"
OLD, NEW = b"o" * 32, b"n" * 32


@pytest.fixture(autouse=True)
def one_master_key(settings):
    settings.MASTER_KEYS = {"old": OLD}


def test_a_sealed_value_opens_again():
    sealed = seal("s3cret 🎮", bound_to=PLACE)
    assert unseal(sealed, bound_to=PLACE) == "s3cret 🎮".encode()
    assert sealed.startswith("v1.old.") and sealed.isascii() and sealed.isprintable() and " " not in sealed
    assert secrets.key_id_of(sealed) == "old"


def test_the_same_value_never_looks_the_same():
    first, second = (seal(b"same", bound_to=PLACE).split(".") for _ in range(2))
    assert first[2] != second[2] and first[3] != second[3]


@pytest.mark.parametrize(
    "place", ["payments_credential:8:app_key_live", "payments_credential:7:app_key_test", "x:7:app_key_live"]
)
def test_a_value_moved_to_another_place_does_not_open(place):
    with pytest.raises(SecretError, match="another row or field"):
        unseal(seal("s3cret", bound_to=PLACE), bound_to=place)


def test_ciphertext_and_data_key_of_different_places_do_not_mix():
    here, there = seal("a", bound_to=PLACE).split("."), seal("b", bound_to="t:1:f").split(".")
    for mixed in (".".join([*here[:3], there[3]]), ".".join([*there[:3], here[3]])):
        for place in (PLACE, "t:1:f"):
            with pytest.raises(SecretError):
                unseal(mixed, bound_to=place)


@pytest.mark.parametrize("place", ["", "t::f", "t:None:f", ":1:f"])
def test_a_place_without_a_row_is_refused(place):
    with pytest.raises(SecretError, match="none of the three may be empty"):
        seal("s3cret", bound_to=place)


@pytest.mark.parametrize("part", [2, 3])
@pytest.mark.parametrize("position", [0, 20, -3])
def test_one_altered_letter_is_noticed(part, position):
    parts = seal("a longer secret value", bound_to=PLACE).split(".")
    letters = list(parts[part])
    letters[position] = "A" if letters[position] != "A" else "B"
    parts[part] = "".join(letters)
    with pytest.raises(SecretError):
        unseal(".".join(parts), bound_to=PLACE)


def test_the_key_id_is_bound_too(settings):
    settings.MASTER_KEYS = {"old": OLD, "twin": OLD}
    sealed = seal("s3cret", bound_to=PLACE).replace("v1.old.", "v1.twin.")
    with pytest.raises(SecretError):
        unseal(sealed, bound_to=PLACE)


@pytest.mark.parametrize(
    "text", ["", "s3cret", "v1.old.x", "v2.old.AAAA.AAAA", "v1..AAAA.AAAA", "v1.old.A!.AAAA", "v1.old.é.AAAA", "v1.old.."]
)
def test_what_is_no_sealed_value_is_said_to_be_none(text):
    with pytest.raises(SecretError):
        unseal(text, bound_to=PLACE)


def test_rewrap_changes_the_key_and_not_the_ciphertext(settings):
    sealed = seal("s3cret", bound_to=PLACE)
    settings.MASTER_KEYS = {"new.2": NEW, "old": OLD}
    assert not secrets.is_current(sealed)
    again = rewrap(sealed, bound_to=PLACE)
    assert secrets.key_id_of(again) == "new.2" and secrets.is_current(again)
    assert again.rsplit(".", 1)[1] == sealed.rsplit(".", 1)[1]
    settings.MASTER_KEYS = {"new.2": NEW}
    assert unseal(again, bound_to=PLACE) == b"s3cret"
    assert rewrap(again, bound_to=PLACE) == again
    with pytest.raises(SecretError, match="“old” is not in MASTER_KEYS"):
        unseal(sealed, bound_to=PLACE)


def test_rewrap_for_another_place_is_refused(settings):
    sealed = seal("s3cret", bound_to=PLACE)
    settings.MASTER_KEYS = {"new": NEW, "old": OLD}
    with pytest.raises(SecretError):
        rewrap(sealed, bound_to="t:1:f")


def test_no_master_key_is_a_sentence(settings):
    settings.MASTER_KEYS = {}
    with pytest.raises(SecretError, match="no master key"):
        seal("s3cret", bound_to=PLACE)


def test_errors_never_hold_the_value():
    sealed = seal("s3cret", bound_to=PLACE)
    with pytest.raises(SecretError) as caught:
        unseal(sealed, bound_to="t:1:f")
    assert "s3cret" not in str(caught.value) and sealed not in str(caught.value)


def test_app_keys_are_32_random_bytes_in_standard_base64():
    keys = {secrets.new_app_key() for _ in range(50)}
    assert len(keys) == 50
    assert all(len(base64.b64decode(key, validate=True)) == 32 for key in keys)


def test_passphrases_are_readable_and_strong():
    phrases = {secrets.new_passphrase() for _ in range(50)}
    assert len(phrases) == 50
    for phrase in phrases:
        groups = phrase.split("-")
        assert [len(group) for group in groups] == [4] * 7
        assert not set("".join(groups)) - set(secrets.PASSPHRASE_ALPHABET)
    assert len(set(secrets.PASSPHRASE_ALPHABET)) ** 28 >= 2**128
    assert not set("01ilo") & set(secrets.PASSPHRASE_ALPHABET)


def test_fingerprint_is_short_and_the_same_for_text_and_bytes():
    assert secrets.fingerprint("abc") == secrets.fingerprint(b"abc") == "ba7816bf8f01cfea"


@pytest.mark.parametrize(("one", "other", "equal"), [("a", b"a", True), ("a", "b", False), ("", "a", False), ("é", "é", True)])
def test_constant_time_equal(one, other, equal):
    assert secrets.constant_time_equal(one, other) is equal


def test_the_ciphertext_is_bound_by_itself_and_not_only_through_its_data_key():
    parts = secrets._split(seal("s3cret", bound_to=PLACE))
    data_key = secrets._data_key(parts, PLACE)
    assert secrets._decrypt(data_key, parts.ciphertext, secrets._value_context(PLACE)) == b"s3cret"
    with pytest.raises(SecretError):
        secrets._decrypt(data_key, parts.ciphertext, secrets._value_context("t:1:f"))
