"""Switch the delivery push on and off, and send a test push (docs/domain.md, 5.5)."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from console.audit import record
from console.errors import WrongState
from console.http import probe_sync
from console.http_messages import Answer, OutgoingRequest
from console.lifecycle import lock, move
from console.models import User
from console.permissions import require
from orders.actions.delivery import hold_all, resume_all
from orders.models import Attempt, Delivery, Environment
from orders.payloads import GOODS_EVENT, envelope, test_payload
from orders.sender import Push, outgoing, tried
from orders.webhooks import pay_event_sig
from payments.actions.credential import note_probe
from payments.client_certificates import contexts_of
from payments.keys import AppKey, accepted_keys
from payments.models import Credential, DeliveryConfig, owners_of

SANDBOX = Environment.SANDBOX.value


def send_test(config: DeliveryConfig, *, actor: User) -> Attempt:
    """Send a signed test push now and wait for its answer (at most 10 seconds); not in a transaction.

    It goes to the Test URL, else to the URL, signed with the sandbox AppKey.
    Raises Invisible, Forbidden, or WrongState without a key.
    """
    require(actor, "payments.configure_delivery", config)
    return _send(config, accepted_keys(config.mini_program_id, SANDBOX), actor=actor)


def send_probe(config: DeliveryConfig, *, actor: User) -> Attempt:
    """As `send_test`, signed with the active credential's key alone, as all pushes are once the old one is retired.

    An acknowledgement is noted at the credential. Raises Invisible, Forbidden, or WrongState when none is active.
    """
    require(actor, "payments.manage_credentials", config)
    active = Credential.objects.filter(mini_program=config.mini_program_id, state=Credential.State.ACTIVE).first()
    if active is None:
        raise WrongState(_("No credential is active, so there is no new key to sign with. Issue one first."))
    keys = [key for key in accepted_keys(config.mini_program_id, SANDBOX) if key.credential_id == active.pk]
    attempt = _send(config, keys, actor=actor)
    if attempt.outcome == Attempt.Outcome.ACKNOWLEDGED:
        note_probe(active, actor=actor)
    return attempt


def _send(config: DeliveryConfig, app_keys: list[AppKey], *, actor: User) -> Attempt:
    push = test_push(config, config.url_for(env=SANDBOX, is_test=True), app_keys, actor=actor)
    request, started = outgoing(push), timezone.now()
    # As a probe: the time of a button must not tell a closed port from a blocked address.
    return note_answer(push, request, probe_sync(request), started_at=started, actor=actor)


def test_push(config: DeliveryConfig, url: str, app_keys: list[AppKey], *, actor: User) -> Push:
    """A test push to `url`, stored and in hand. Raises WrongState without a key."""
    keys = [key.text for key in app_keys]
    if not keys:
        raise WrongState(_("There is no AppKey to sign with. Request a certificate and keys first."))
    push = Push.of(_test_delivery(config, keys[0], actor=actor), url=url, app_keys=keys)
    return push._replace(tls=contexts_of([config.mini_program_id]).get(config.mini_program_id))


def note_answer(push: Push, request: OutgoingRequest, answer: Answer, *, started_at: datetime, actor: User) -> Attempt:
    """Store what came of a test push; the delivery log shows it."""
    attempt = tried(push, request, answer, started_at=started_at).attempt()
    attempt.save()
    acknowledged = attempt.outcome == Attempt.Outcome.ACKNOWLEDGED
    move(attempt.delivery, "acknowledge" if acknowledged else "park", actor=actor)
    return attempt


def switch_on(config: DeliveryConfig, *, actor: User) -> DeliveryConfig:
    """Switch the push on once a signed test push is acknowledged; what was held becomes due.

    Raises Invisible, Forbidden, or WrongState with a sentence that says what came back.
    """
    attempt = send_test(config, actor=actor)
    if attempt.outcome != Attempt.Outcome.ACKNOWLEDGED:
        raise WrongState(_("The delivery push stays off. %(why)s") % {"why": sentence(attempt)})
    with transaction.atomic():
        locked = lock(config)
        if (locked.url, locked.test_url) != (config.url, config.test_url):
            raise WrongState(_("The addresses were changed while the test push was sent. Switch the push on again."))
        locked = _switch(locked, True, actor=actor)
    resume_all(config.mini_program, actor=actor)
    return locked


def switch_off(config: DeliveryConfig, *, actor: User) -> DeliveryConfig:
    """Switch the push off; what waits is held. What is being sent right now ends first. Raises Invisible, Forbidden."""
    require(actor, "payments.configure_delivery", config)
    with transaction.atomic():
        locked = _switch(lock(config), False, actor=actor)
    hold_all(config.mini_program, actor=actor)
    return locked


def sentence(attempt: Attempt) -> str:
    """What came back from a test push, and what to do."""
    values = {"status": attempt.status, "code": attempt.return_code}
    sentences = {
        Attempt.Outcome.ACKNOWLEDGED: _("The test push was acknowledged."),
        Attempt.Outcome.REFUSED: _('Your backend answered, and refused with returnCode “%(code)s”; it has to be "0".'),
        Attempt.Outcome.BAD_STATUS: _("Your backend answered with HTTP status %(status)s; it has to be 200."),
        Attempt.Outcome.BAD_BODY: _('Your backend answered, but not with a JSON object that has "returnCode": "0".'),
    }
    other = _("Your backend did not answer. Check that the address is public, accepts connections and answers within 10 seconds.")
    return sentences.get(Attempt.Outcome(attempt.outcome), other) % values


def _test_delivery(config: DeliveryConfig, app_key: str, *, actor: User) -> Delivery:
    """A row in the outbox that no dispatcher takes: it is never due, and claimed from the start."""
    row = Delivery(**owners_of(config.mini_program), event=Delivery.Event.TEST, env=SANDBOX, next_attempt_at=None)
    payload = test_payload("TEST-" + row.uid.hex[:24])
    signature = pay_event_sig(GOODS_EVENT, payload, app_key)
    row.body = envelope(event=GOODS_EVENT, pay_model="TEST", payload=payload, signature=signature, IsMock=True)
    with transaction.atomic():
        row.attempt_number = 1
        row.save()
        return move(row, "claim", actor=actor)


def _switch(config: DeliveryConfig, enabled: bool, *, actor: User) -> DeliveryConfig:
    before, config.enabled = config.enabled, enabled
    config.enabled_at = timezone.now() if enabled else None
    config.save(update_fields=["enabled", "enabled_at"])
    if before != enabled:
        verb = "orders.push.switch_on" if enabled else "orders.push.switch_off"
        record(verb, config, actor=actor, changes={"enabled": [before, enabled]})
    return config
