"""JSON read strictly: what is not plainly right is an ApiError, and nothing else is ever raised."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openserver import strict_json
from openserver.errors import ERRORS, ApiError
from openserver.strict_json import parse


def refusal(call, *args, **kwargs) -> tuple[str, str]:
    with pytest.raises(ApiError) as caught:
        call(*args, **kwargs)
    assert caught.value.status == ERRORS[caught.value.code]
    return caught.value.code, caught.value.message


def test_an_object_is_read():
    body = '{"a": 1, "b": "皮肤 🎮", "c": [true, null, {"d": -5}], "e": "\\ud83c\\udfae"}'
    assert parse(body.encode()) == {"a": 1, "b": "皮肤 🎮", "c": [True, None, {"d": -5}], "e": "🎮"}
    assert strict_json.parse_text(body) == parse(body.encode())


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "cannot be read"),
        (b"   ", "cannot be read"),
        (b"{", "line 1, column 2"),
        (b"{} {}", "Extra data"),
        (b"[]", "is a list"),
        (b"1", "is a number"),
        (b'"x"', "is a string"),
        (b"null", "is null"),
        (b"true", "is true"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b'{"a": "\xff"}', "not UTF-8: byte 7"),
        (b'{"a": "\xed\xa0\x80"}', "not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b'{"a": Infinity}', "Infinity is not JSON"),
        (b'{"a": -Infinity}', "-Infinity is not JSON"),
        (b'{"a": 1.0}', "fraction or an exponent"),
        (b'{"a": 1e3}', "fraction or an exponent"),
        (b'{"a": 9223372036854775808}', "too large"),
        (b'{"a": -9223372036854775808}', "too large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too large"),
        (b'{"a": "\\u0000"}', "NUL"),
        (b'{"\\u0000": 1}', "NUL"),
        (b'{"a": ["\\ud800"]}', "surrogate"),
        (b'{"a": "\\udc00\\ud800"}', "surrogate"),
        (b'{"a": "\x00"}', "control character"),
        (b'{"a": "\n"}', "control character"),
        (b"{'a': 1}", "cannot be read"),
        (b'{"a": 01}', "cannot be read"),
        (b'{"a": 1,}', "cannot be read"),
        (b'{"a": 1} // no', "cannot be read"),
    ],
)
def test_what_is_not_strict_json_is_refused(body, said):
    code, message = refusal(parse, body)
    assert code == "BAD_JSON" and said in message


@pytest.mark.parametrize("body", [b'{"a": 1, "a": 1}', b'{"x": [{"a": 1, "b": 2, "a": 3}]}', b'{"a": 1, "\\u0061": 2}'])
def test_a_field_twice_is_refused_at_any_depth(body):
    code, message = refusal(parse, body)
    assert code == "DUPLICATE_FIELD" and '"a"' in message


def test_thirty_two_levels_are_the_limit():
    def nested(levels: int) -> bytes:
        return b'{"a":' * levels + b"1" + b"}" * levels

    assert parse(nested(32))
    assert "too deep" in refusal(parse, nested(33))[1]
    assert "too deep" in refusal(parse, b'{"a":' + b"[" * 16_000 + b"}")[1]


def test_brackets_in_strings_are_not_levels():
    assert parse(json.dumps({"a": "[{" * 100, "b": '"[' * 50}).encode())


def test_many_brackets_beside_each_other_are_not_levels():
    assert parse(json.dumps({"a": [[]] * 100}).encode())


def test_sixteen_kilobytes_are_the_limit():
    body = b'{"a": "' + b"x" * (16 * 1024 - 9) + b'"}'
    assert len(body) == 16 * 1024 and parse(body)
    assert "16385 bytes" in refusal(parse, body + b" ")[1]
    assert "too long" in refusal(strict_json.parse_text, '{"a": "' + "皮" * 5500 + '"}')[1]
    assert strict_json.parse_text('{"a": "' + "皮" * 5400 + '"}')


def test_fractions_are_read_only_when_asked_for():
    assert parse(b'{"a": 1.5}', allow_floats=True) == {"a": 1.5}
    assert "too large" in refusal(parse, b'{"a": 1e999}', allow_floats=True)[1]
    assert "NaN" in refusal(parse, b'{"a": NaN}', allow_floats=True)[1]


def test_fields_names_the_one_that_is_missing_or_unknown():
    strict_json.fields({"a": 1, "b": 2}, required=["a"], optional=["b"])
    assert refusal(strict_json.fields, {}, required=["a"]) == ("MISSING_FIELD", 'The field "a" is missing. Send it.')
    code, message = refusal(strict_json.fields, {"a": 1, "c": 2}, required=["a"], optional=["b"])
    assert code == "UNKNOWN_FIELD" and '"c"' in message
    strict_json.require({"a": 1, "c": 2}, ["a"])
    assert len(refusal(strict_json.fields, {"x" * 9000: 1}, required=[])[1]) < 200


@pytest.mark.parametrize("value", [None, 1, True, [], {}, "", "abcdef", "a\x00", "a\n", "a\x7f", "a\x85", "a\ud800"])
def test_text_refuses_what_a_column_would(value):
    code, message = refusal(strict_json.text, value, "attach", 5, code="ATTACH_FORMAT")
    assert code == "ATTACH_FORMAT" and message.startswith("attach ")


def test_text_returns_the_string():
    assert strict_json.text("皮肤 🎮", "attach", 5) == "皮肤 🎮"
    assert strict_json.text("", "attach", 5, min_length=0) == ""


@pytest.mark.parametrize("value", [None, True, False, 1.0, "1", "", [], {}, 0, 11, -1, 10**30])
def test_whole_number_refuses_everything_else(value):
    assert refusal(strict_json.whole_number, value, "buyQuantity", 1, 10, "QUANTITY_FORMAT")[0] == "QUANTITY_FORMAT"


@pytest.mark.parametrize("value", ["", " 1", "1 ", "+1", "-1", "1.0", "1e0", "１", "0x1", "1_0", "0", "11", "9" * 5000, True])
def test_a_string_of_digits_is_only_that(value):
    assert refusal(strict_json.whole_number, value, "q", 1, 10, "QUANTITY_FORMAT", digits_allowed=True)[0] == "QUANTITY_FORMAT"


def test_whole_number_returns_the_number():
    assert strict_json.whole_number(10, "q", 1, 10) == 10
    assert strict_json.whole_number("10", "q", 1, 10, digits_allowed=True) == 10


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_an_object_or_an_api_error(body):
    try:
        value = parse(body)
    except ApiError as error:
        assert error.code in {"BAD_JSON", "DUPLICATE_FIELD"} and error.status == 400
    else:
        assert type(value) is dict
        assert json.loads(body) == value
        json.dumps(value, ensure_ascii=False).encode()


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet='{}[]",:\\u0d8 1e.-tn"', max_size=60))
def test_any_punctuation_is_an_object_or_an_api_error(text):
    for call in (
        lambda: parse(text.encode()),
        lambda: strict_json.parse_text(text),
        lambda: parse(text.encode(), allow_floats=True),
    ):
        try:
            assert type(call()) is dict
        except ApiError as error:
            assert error.code in {"BAD_JSON", "DUPLICATE_FIELD"}


def test_the_codes_are_those_of_the_document():
    assert len(ERRORS) == 37
    assert all(code == code.upper() and 400 <= status < 600 for code, status in ERRORS.items())
    with pytest.raises(KeyError):
        ApiError("NO_SUCH_CODE", "…")
