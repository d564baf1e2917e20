"""The signatures of a push."""

import datetime
import json

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from console.secrets import new_app_key
from orders.webhooks import pay_event_sig, webhook_headers, webhook_secret

BODY = '{"Event":"x","attach":"皮肤"}'.encode()


def now() -> int:
    return int(datetime.datetime.now(datetime.UTC).timestamp())


def headers(*keys: str, body: bytes = BODY, webhook_id: str = "order-1-pay") -> dict[str, str]:
    return webhook_headers(webhook_id=webhook_id, timestamp=now(), body=body, app_keys=keys)


def test_the_published_library_accepts_our_headers():
    key = new_app_key()
    assert Webhook(webhook_secret(key)).verify(BODY.decode(), headers(key)) == json.loads(BODY)


def test_during_an_overlap_both_keys_verify():
    old, new = new_app_key(), new_app_key()
    sent = headers(new, old)
    assert sent["webhook-signature"].count("v1,") == 2
    for key in (old, new):
        Webhook(webhook_secret(key)).verify(BODY.decode(), sent)


@pytest.mark.parametrize("change", ["body", "webhook-id", "webhook-timestamp", "key"])
def test_what_is_changed_on_the_way_is_noticed(change):
    key = new_app_key()
    sent, body = headers(key), BODY.decode()
    if change == "body":
        body += " "
    elif change == "key":
        key = new_app_key()
    else:
        sent[change] = {"webhook-id": "order-2-pay", "webhook-timestamp": str(now() - 1)}[change]
    with pytest.raises(WebhookVerificationError):
        Webhook(webhook_secret(key)).verify(body, sent)


@pytest.mark.parametrize("keys", [[], [""], ["not base64!"]])
def test_without_a_key_nothing_is_signed(keys):
    with pytest.raises(ValueError):
        headers(*keys)


def test_an_ambiguous_id_is_refused():
    with pytest.raises(ValueError, match="full stop"):
        headers(new_app_key(), webhook_id="1.2")


def test_pay_event_sig_needs_a_key():
    with pytest.raises(ValueError):
        pay_event_sig("event", "{}", "")
