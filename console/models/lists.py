"""What people keep of lists: their columns, and views with a name."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from console.models.people import Superapp, Team, User
from console.permissions import Scope


class KeptColumns(models.Model):
    """The columns a person wants to see in a list (`Listing.name`), wherever they look at it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    listing = models.CharField(max_length=40)
    columns = models.JSONField(default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "listing"], name="columns_once_a_list")]

    def __str__(self) -> str:
        return self.listing


class SavedView(models.Model):
    """Filters, columns and sort of a list under a name, for the lists of a team or a superapp. `query` is that of the address."""

    listing = models.CharField(max_length=40)
    team = models.ForeignKey(Team, null=True, on_delete=models.CASCADE, related_name="+")
    superapp = models.ForeignKey(Superapp, on_delete=models.CASCADE, related_name="+")
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(_("name"), max_length=60)
    query = models.TextField()
    is_shared = models.BooleanField(_("for everybody here"), default=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            # Two, because NULLs differ from each other in a constraint.
            models.UniqueConstraint(
                fields=["owner", "listing", "team", "name"], name="view_name_once_in_team", condition=Q(team__isnull=False)
            ),
            models.UniqueConstraint(
                fields=["owner", "listing", "superapp", "name"], name="view_name_once_in_superapp", condition=Q(team=None)
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def scope(self) -> Scope:
        """The team or the superapp whose lists it is for."""
        return Scope(self.team_id, self.superapp_id)
