"""The history of one object as a panel of its page: the newest audit entries, and the way to all of them."""

from typing import Any

from django import template
from django.urls import reverse
from django.utils.http import urlencode

from console.activity import changes_text, object_key
from console.models import AuditEntry, MiniProgram, Team, User
from console.permissions import can
from console.verbs import WORDS

register = template.Library()
SHOWN = 10


@register.inclusion_tag("components/history.html")
def history(obj: Any, place: Any, reader: User, verbs: str = "") -> dict[str, Any]:
    """The entries about `obj`, which stands in `place`, for those who may view the activity there; one query.

    `verbs` is how the verbs begin that the page is about, such as "payments.backend.".
    """
    if obj is None or not can(reader, "console.view_activity", place):
        return {}
    kind, pk = obj._meta.label_lower, str(obj.pk)
    rows = AuditEntry.objects.filter(object_type=kind, object_id=pk, verb__startswith=verbs, verb__in=WORDS).order_by("-id")
    found = [
        {"at": row.created_at, "who": row.actor_label, "what": WORDS[row.verb],
         "changes": changes_text(row.object_type, row.changes, row.note)}
        for row in rows[:SHOWN]
    ]  # fmt: skip
    return {"entries": found, "url": f"{_activity_url(place)}?{urlencode({'object': object_key(kind, pk)})}"}


def _activity_url(place: Any) -> str:
    if isinstance(place, MiniProgram):
        return reverse("program-activity", kwargs={"app_id": place.app_id})
    name = "team" if isinstance(place, Team) else "superapp"
    return reverse(f"{name}-activity", kwargs={name: place.code})
