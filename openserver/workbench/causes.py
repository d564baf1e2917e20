"""What each cause means and how it is mended, in words."""

from collections.abc import Iterable
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


class Cause(NamedTuple):
    """A cause in words: what happened, and what to do."""

    code: str
    what: Text
    mend: Text


_WORDS: dict[str, tuple[Text, Text]] = {
    # The text
    "missing_prefix": (
        _("The method or event and the “&” after it are missing from the signed text."),
        _("Put the name and “&” before the text, as shown above, and sign both together."),
    ),
    "missing_joint": (_("The “&” between the name and the text is missing."), _("Join the two with exactly one “&”.")),
    "prefix_last": (_("The name stands behind the text."), _("The name comes first, then “&”, then the text.")),
    "other_method": (
        _("The method of the other kind of mini program was signed."),
        _("Mini games use requestMidasPaymentGameItem, mini programs use requestVirtualPayment."),
    ),
    "other_event": (
        _("Another field was taken for the event."),
        _("Take the value of Event, not of EventType or PayModel, and not the event of another push."),
    ),
    "added_prefix": (
        _("A method was put before the text."),
        _("The user-state signature is over signData alone, without a method and without “&”."),
    ),
    "trailing_newline": (
        _("A line break was signed at the end."),
        _("Remove it. “echo” and many editors add one, “printf” does not."),
    ),
    "trimmed": (
        _("White space at the beginning or the end was removed before signing."),
        _("Sign the text as it is, byte for byte."),
    ),
    "byte_order_mark": (_("A byte order mark was signed in front of the text."), _("Write the text as UTF-8 without a mark.")),
    "escaped": (
        _("The text was signed as it stands inside the JSON body, with backslashes."),
        _("Parse the outer JSON once and sign the value of the string, not its spelling."),
    ),
    "url_encoded": (_("The text was URL-encoded before it was signed."), _("Sign it without encoding.")),
    "reserialised": (
        _("The JSON was parsed and written again before it was signed: spaces, escapes or the order of keys changed."),
        _("Keep the text as it was received or sent, and sign exactly that."),
    ),
    "charset": (
        _("The text was turned into bytes in another character set."),
        _("Use UTF-8 for the text, whatever the system's default is."),
    ),
    "whole_body": (
        _("The whole body was signed."),
        _("PayEventSig covers only Event, “&” and the value of Payload."),
    ),
    "only_body": (
        _("The body alone was signed."),
        _("Put webhook-id and webhook-timestamp before it, each with a full stop behind it."),
    ),
    "only_payload": (
        _("The value of Payload was signed."),
        _("webhook-signature covers the whole body as it came, not a part of it."),
    ),
    "different_text": (
        _("The signature is right for the text that you pasted, but that text is not the one that counts."),
        _("The place where they first differ is shown below."),
    ),
    # The key
    "old_key": (
        _("The key of a credential that was retired or revoked was used."),
        _("Install the keys of the active credential; its mail and Basic configurations show which one it is."),
    ),
    "overlapping_key": (
        _("It was made with the old key, which is accepted only until the overlap of the rotation ends."),
        _("Install the new AppKey before then."),
    ),
    "other_environment": (
        _("The AppKey of the other environment was used."),
        _("Orders with env 0 use the live key, orders with env 1 the sandbox key."),
    ),
    "session_key": (
        _("The player's session key was used instead of the AppKey."),
        _("The session key makes “signature” only; everything else is made with the AppKey."),
    ),
    "app_key": (
        _("The AppKey was used instead of the player's session key."),
        _("“signature” is made with the sessionKey that jscode2session answers."),
    ),
    "key_decoded": (
        _("The key was decoded from Base64 first."),
        _("The key is the text itself, all of its characters, “=” included."),
    ),
    "key_text": (
        _("The text of the AppKey was used as the key."),
        _("webhook-signature uses its bytes: decode it from Base64, or give “whsec_” and the AppKey to a library."),
    ),
    "key_hex": (_("The key was turned into hexadecimal digits."), _("Use the AppKey as it was mailed.")),
    "key_newline": (
        _("The key ends with a line break."),
        _("It came along from a file or an environment variable. Trim the key when it is read."),
    ),
    "key_whsec": (
        _("“whsec_” stands before the key."),
        _("That spelling is for Standard Webhooks libraries only, which remove it themselves."),
    ),
    "key_cut": (_("The “=” at the end of the key is missing."), _("Use the whole AppKey, as it was mailed.")),
    # The function
    "other_hash": (_("Another hash was used."), _("Use HMAC with SHA-256.")),
    "swapped": (_("Key and text were swapped."), _("Look up the order of arguments of your HMAC function: key and message.")),
    "no_hmac": (
        _("Key and text were joined and hashed."),
        _("Use HMAC-SHA256, a function of every standard library, instead of a plain SHA-256."),
    ),
    "no_key": (_("No key was used."), _("Check that the AppKey is really loaded, and use HMAC-SHA256.")),
    # How it is written
    "upper_case": (_("The digits are in upper case."), _("Write them in lower case.")),
    "base64": (_("It is written in Base64."), _("Write it as 64 hexadecimal digits in lower case.")),
    "base64_url": (_("It is written in the Base64 of URLs."), _("Use the spelling shown above.")),
    "base64_of_hex": (_("The hexadecimal digits were written in Base64 once more."), _("Send the digits themselves.")),
    "hex": (_("It is written in hexadecimal digits."), _("webhook-signature is “v1,” and the Base64 of the 32 bytes.")),
    "version_missing": (
        _("“v1,” is missing before the signature."),
        _("Compare with each part of webhook-signature; every part begins with “v1,”."),
    ),
    "quotes": (_("Quotation marks stand around it."), _("Remove them.")),
    "label": (_("A label such as “sha256=” stands before it."), _("Send the digits alone.")),
    "separators": (_("There are separators between the digits."), _("Write the 64 digits without separators.")),
    "other_length": (
        _("It does not have the 32 bytes of SHA-256."),
        _("It was cut, or made with another hash. HMAC-SHA256 has 64 hexadecimal digits."),
    ),
    "unreadable": (
        _("This cannot be read as a signature."),
        _("Paste the signature alone: 64 hexadecimal digits, or for webhook-signature “v1,” and Base64."),
    ),
}

CODES = frozenset(_WORDS)
#: Worth saying, but no mistake.
NOTES = frozenset({"overlapping_key"})
NOTHING_FITS = Cause(
    "nothing_fits",
    _("No known mistake explains it."),
    _("The text or the key differs in another way. Paste the text that your code signed, and compare the key's fingerprint."),
)


def in_words(codes: Iterable[str]) -> list[Cause]:
    """The causes in words. Raises KeyError for a code that has none."""
    return [Cause(code, *_WORDS[code]) for code in codes]
