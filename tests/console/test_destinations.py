"""Where requests may go: the form of the URL, and our own list of public addresses."""

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from console.destinations import DestinationRefused, check_addresses, check_destination, is_public


@pytest.fixture(autouse=True)
def no_exceptions(settings):
    settings.LOCAL_DESTINATIONS = frozenset()


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://example.com/push?a=1&b=%20", "example.com", 443),
        ("http://example.com", "example.com", 80),
        ("https://EXAMPLE.com:443/", "example.com", 443),
        ("https://xn--e1afmkfd.xn--p1ai/", "xn--e1afmkfd.xn--p1ai", 443),
        ("https://[2606:4700::1]/", "2606:4700::1", 443),
        ("http://localhost./", "localhost.", 80),
        ("http://0177.0.0.1/", "0177.0.0.1", 80),
    ],
)
def test_a_url_of_allowed_form(url, host, port):
    destination = check_destination(url)
    assert (destination.host, destination.port, destination.local) == (host, port, False)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "empty"),
        ("   ", "empty"),
        (None, "empty"),
        ("example.com/push", "scheme"),
        ("//example.com/push", "scheme"),
        ("ftp://example.com/", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("javascript:alert(1)", "scheme"),
        ("https:example.com", "host"),
        ("https:///push", "host"),
        ("https://user@example.com/", "credentials"),
        ("https://user:secret@example.com/", "credentials"),
        ("https://@example.com/", "credentials"),
        ("https://example.com/#a", "fragment"),
        ("https://example.com/#", "fragment"),
        ("https://example.com:80/", "port"),
        ("http://example.com:443/", "port"),
        ("https://example.com:8443/", "port"),
        ("http://example.com:22/", "port"),
        ("https://example.com:0/", "port"),
        ("https://example.com:99999/", "port"),
        ("https://example.com:x/", "port"),
        ("https://example.com/\r\nHost: evil", "control_characters"),
        ("https://exa\tmple.com/", "control_characters"),
        ("https://example.com/\x00", "control_characters"),
        (" https://example.com/", "control_characters"),
        ("https://example.com/a b", "control_characters"),
        ("https://example.com\\@evil.com/", "characters"),
        ("https://例え.jp/", "characters"),
        ("https://１27.0.0.1/", "characters"),
        ("https://exa%6Dple.com/", "host"),
        ("https://exa..mple.com/", "host"),
        ("https://" + "a" * 64 + ".com/", "host"),
        ("https://" + "a." * 200 + "com/", "host"),
        ("https://[::1/", "host"),
        ("https://[fe80::1%25eth0]/", "host"),
        ("https://[v1.x]/", "host"),
        ("https://[127.0.0.1]/", "host"),
        ("https://example.com/" + "a" * 2029, "too_long"),
    ],
)
def test_a_url_of_another_form_is_refused_with_a_sentence(url, code):
    with pytest.raises(DestinationRefused) as caught:
        check_destination(url)
    assert caught.value.reason_code == code
    assert caught.value.sentence.endswith(".") and len(caught.value.sentence) < 200


def test_two_thousand_and_forty_eight_characters_are_the_limit():
    url = "https://example.com/" + "a" * 2028
    assert len(url) == 2048 and check_destination(url)


def test_an_exception_is_for_exactly_its_host_and_port(settings):
    settings.LOCAL_DESTINATIONS = frozenset({"Localhost:8001", "[::1]:8002"})
    assert check_destination("http://localhost:8001/a").local
    assert check_destination("http://[::1]:8002/a").local
    for url in ("http://localhost:8002/", "http://127.0.0.1:8001/", "http://localhost.:8001/", "http://a.localhost:8001/"):
        with pytest.raises(DestinationRefused, match="port"):
            check_destination(url)
    assert not check_destination("http://localhost/").local
    with pytest.raises(DestinationRefused, match="user name"):
        check_destination("http://a@localhost:8001/")


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "1.1.1.1", "172.15.255.255", "172.32.0.0", "100.63.255.255", "100.128.0.0", "192.0.1.0", "223.255.255.255"]
    + ["2606:4700::1", "2001:200::1", "2001:4860:4860::8888", "2a00:1450::1", "2003::1", "::ffff:8.8.8.8"],
)
def test_public_addresses(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    ["0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.255", "169.254.169.254", "172.16.0.1"]
    + ["172.31.255.255", "192.0.0.8", "192.0.0.10", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255"]
    + ["198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"],
)
def test_ipv4_addresses_that_are_not_public_also_when_mapped(address):
    assert not is_public(address)
    assert not is_public(f"::ffff:{address}")


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("unspecified", "::"),
        ("loopback", "::1"),
        ("compatible", "::8.8.8.8"),
        ("translated", "::ffff:0:8.8.8.8"),
        ("NAT64", "64:ff9b::808:808"),
        ("local NAT64", "64:ff9b:1::1"),
        ("discard", "100::1"),
        ("Teredo", "2001::1"),
        ("benchmarking", "2001:2::1"),
        ("ORCHID", "2001:20::1"),
        ("documentation", "2001:db8::1"),
        ("6to4", "2002:7f00:1::"),
        ("documentation", "3fff::1"),
        ("outside 2000::/3", "4000::1"),
        ("segment routing", "5f00::1"),
        ("unique local", "fc00::1"),
        ("unique local", "fd00:ec2::254"),
        ("link local", "fe80::1"),
        ("link local, scoped", "fe80::1%2"),
        ("public, scoped", "2606:4700::1%2"),
        ("site local", "fec0::1"),
        ("multicast", "ff02::1"),
        ("multicast", "ff0e::1"),
    ],
)
def test_ipv6_addresses_that_are_not_public(kind, address):
    assert not is_public(address), kind


@pytest.mark.parametrize("text", ["", "localhost", "2130706433", "0177.0.0.1", "127.1", "0x7f.0.0.1", "8.8.8.8 ", "8.8.8.8/32"])
def test_what_is_no_address_in_standard_notation_is_not_public(text):
    assert not is_public(text)


def test_one_bad_address_among_several_refuses_all():
    destination = check_destination("https://example.com/")
    assert len(check_addresses(destination, ["8.8.8.8", "2606:4700::1"])) == 2
    for mixed in (["8.8.8.8", "10.0.0.1"], ["::1", "8.8.8.8"], []):
        with pytest.raises(DestinationRefused, match="cannot be reached"):
            check_addresses(destination, mixed)


@examples(max_examples=200, deadline=None)
@given(st.text(max_size=40) | st.text(max_size=30).map(lambda text: "https://" + text))
def test_any_text_is_a_destination_or_a_refusal(text):
    try:
        assert check_destination(text).scheme in {"http", "https"}
    except DestinationRefused as refused:
        assert refused.sentence
