"""Exports on a schedule: the list of them, and the page on which one is made or changed."""

from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.db.models import OuterRef, Q, Subquery
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from console.actions import export_schedule as actions
from console.errors import Invisible, Refused
from console.exporting import title_of
from console.exports import exportable
from console.list_settings import MOST_SHOWN, views_of, without_people
from console.listing import Listing
from console.matrix import SCHEDULES, SIGNED_IN
from console.models import ExportRun, ExportSchedule, Job, MiniProgram, SavedView, Superapp, User
from console.permissions import can, holders, require, sees_players
from console.schedules import begin, filters_of, listing_of, query_to_begin_with
from console.templatetags.moments import time_text
from console.templatetags.ui import time_zone_names
from console.views.base import ConsoleView, FormView
from console.views.exports import ExportForm

RECORDS = ("orders", "refunds", "activity")
MOST_PEOPLE = 200  # to choose recipients from


class ScheduleForm(ExportForm):
    """What, when and for whom."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=60)
    every = forms.ChoiceField(label=gettext_lazy("When"), widget=forms.RadioSelect, choices=ExportSchedule.Every.choices)
    zone = forms.ChoiceField(label=gettext_lazy("Time zone of the days"))
    recipients = forms.MultipleChoiceField(
        label=gettext_lazy("Recipients"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("Choose at least one recipient.")},
    )

    def __init__(
        self, data: Any = None, _files: Any = None, *, listing: Listing, people: list[User], initial: dict[str, Any]
    ) -> None:
        super().__init__(data, listing=listing, scopes=[("all", "")])
        del self.fields["scope"]
        zones = time_zone_names(initial["zone"])
        self.fields["zone"].choices = [(name, name) for name in sorted(zones)]  # type: ignore[attr-defined]
        self.fields["recipients"].choices = [(str(user.pk), str(user)) for user in people]  # type: ignore[attr-defined]
        self.initial.update(initial)


class SchedulePage(ConsoleView):
    """What the pages share. Whoever may export a list may see and change its schedules, whatever else they may not."""

    permission: ClassVar[str] = SIGNED_IN

    def check_permission(self) -> None:
        """One of the lists is enough. Raises Invisible or Forbidden."""
        super().check_permission()
        if not self.records():
            require(self.actor, SCHEDULES[0], self.place)

    @property
    def place(self) -> MiniProgram | Superapp:
        """Whose lists are exported."""
        return self.mini_program or self.superapp  # type: ignore[return-value]

    @property
    def list_url(self) -> str:
        """The list of schedules."""
        return self.url("export-schedules")

    def url(self, name: str, **more: Any) -> str:
        """A route of this place."""
        kind = "program" if self.mini_program else "superapp"
        own = {"app_id": self.mini_program.app_id} if self.mini_program else {"superapp": self.place.code}  # type: ignore[union-attr]
        return reverse(f"{kind}-{name}", kwargs=own | more)

    def records(self) -> list[str]:
        """The lists that the actor may export here."""
        return [name for name in RECORDS if can(self.actor, exportable(name).permission, self.place)]

    def schedules(self) -> Any:
        """The schedules of this place."""
        rows = ExportSchedule.objects.filter(mini_program=self.mini_program, superapp=self.superapp, record__in=RECORDS)
        return rows.select_related("owner", "mini_program", "superapp")

    def schedule(self, pk: int) -> ExportSchedule:
        """One of them. Raises Invisible, or Forbidden for one whose list the actor may not export."""
        row = self.schedules().filter(pk=pk).first()
        if row is None:
            raise Invisible
        require(self.actor, exportable(row.record).permission, self.place)
        return row


class ScheduleList(SchedulePage):
    """The schedules with what they did last."""

    template_name: ClassVar[str] = "console/export_schedules.html"

    def get(self, request: HttpRequest, **_kwargs: Any) -> HttpResponse:
        """By name."""
        last = ExportRun.objects.filter(schedule=OuterRef("pk")).order_by("-since").values("pk")[:1]
        rows = self.schedules().filter(record__in=self.records()).annotate(last=Subquery(last)).order_by("name", "pk")
        rows = list(rows.prefetch_related("recipients"))
        runs = ExportRun.objects.select_related("job").in_bulk([row.last for row in rows if row.last])
        captions = {name: exportable(name).listing(self.place, QueryDict()).caption for name in self.records()}
        shown = [
            {
                "row": row, "caption": title_of(listing_of(row)), "last": runs.get(row.last),
                "url": self.url("export-schedule", pk=row.pk),
            }
            for row in rows
        ]  # fmt: skip
        create = self.url("export-schedule-create")
        links = [{"label": caption, "url": f"{create}?record={name}"} for name, caption in captions.items()]
        return self.render(schedules=shown, place=self.place, links=links)


class ScheduleForms(SchedulePage, FormView):
    """Base of making and changing."""

    template_name: ClassVar[str] = "console/export_schedule.html"
    form_class = ScheduleForm
    row: ExportSchedule | None = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """An address whose filters cannot be understood leads to the list of schedules, which says so."""
        try:
            return super().dispatch(request, *args, **kwargs)
        except Refused as refused:
            messages.error(request, str(refused))
            return redirect(self.list_url)

    @cached_property
    def record(self) -> str:
        """The list. Raises Invisible for one that cannot be exported."""
        name: str = self.row.record if self.row else self.request.GET.get("record", self.records()[0])
        if name not in RECORDS:
            raise Invisible
        require(self.actor, exportable(name).permission, self.place)
        return name

    @cached_property
    def listing(self) -> Listing:
        """The list with the filters that are kept."""
        query = self.request.GET.copy()
        query.pop("record", None)
        if self.row:
            return listing_of(self.row)
        kept = actions.kept_query(self.record, self.place, query.urlencode())
        return exportable(self.record).listing(self.place, QueryDict(kept))

    @cached_property
    def allowed(self) -> list[User]:
        """Who may export the list, one more than there is room for."""
        return list(holders(exportable(self.record).permission, self.place)[: MOST_PEOPLE + 1])

    @cached_property
    def people(self) -> list[User]:
        """Who may receive it: the first of those, by name, and always the actor and whoever receives it now and still may."""
        found = self.allowed[:MOST_PEOPLE]
        known = {user.pk for user in found}
        others = self.row.recipients.filter(is_active=True).exclude(pk__in=known) if self.row else ()
        present = [user for user in others if can(user, exportable(self.record).permission, self.place)]
        return [*{user.pk: user for user in (self.actor, *present) if user.pk not in known}.values(), *found]

    def form_arguments(self) -> dict[str, Any]:
        """What is stored, else what is usual."""
        row = self.row
        zone = timezone.get_current_timezone_name()
        initial: dict[str, Any] = {"zone": zone, "every": "day", "recipients": [str(self.actor.pk)]}
        if row:
            own = {"name": row.name, "every": row.every, "zone": row.zone, "columns": row.columns, "file": row.file}
            initial = own | {"recipients": [str(pk) for pk in row.recipients.values_list("pk", flat=True)]}
        return {"listing": self.listing, "people": self.people, "initial": initial}

    def page(self) -> dict[str, Any]:
        """The filters in words, and saved views to begin with."""
        listing = self.listing
        links = [{"label": view.name, "url": f"?record={self.record}&{self.begun_with(view)}"} for view in self.views()]
        chips = listing.static_chips if self.sees_people else listing.masked_chips
        days = [chip for chip in chips if listing.query.get("q") or not self.is_days(chip)]
        title = title_of(listing)
        return {
            "schedule": self.row, "listing": listing, "place": self.place, "links": links, "runs": self.runs(),
            "list_title": title, "chips": [{"label": title, "remove_url": ""}, *days] if self.row else days,
            "list_url": self.list_url, "most_people": MOST_PEOPLE if len(self.allowed) > MOST_PEOPLE else 0,
            "left_out": filters_of(listing).left_out, **self.times(),
        }  # fmt: skip

    @property
    def sees_people(self) -> bool:
        """Whether the actor sees the players of the list whole."""
        return sees_players(self.actor, exportable(self.record).permission, self.mini_program)

    def views(self) -> list[SavedView]:
        """The saved views that a new schedule can begin with: those beside the list."""
        if self.row or not self.listing.name:
            return []
        found = list(views_of(self.listing.name, self.place, reader=self.actor)[:MOST_SHOWN])
        return found if self.sees_people else without_people(found, self.listing, reader=self.actor)

    def times(self) -> dict[str, Any]:
        """The time that says to which day a row belongs, "" where there is but one; a new schedule may take another."""
        filters = filters_of(self.listing)
        names = [] if self.row else [name for name in filters.axes if name != filters.axis_of_periods]
        urls = {name: f"?record={self.record}&{self.listing.url(time=name)[1:]}" for name in names}
        others = [{"label": filters.axes[name][1], "url": url} for name, url in urls.items()]
        label = filters.axes[filters.axis_of_periods][1]
        return {"time_of_rows": label if len(filters.axes) > 1 else "", "other_times": others}

    def begun_with(self, view: SavedView) -> str:
        """The query of a saved view as a new schedule takes it up."""
        return query_to_begin_with(exportable(self.record).listing(self.place, QueryDict(view.query)))

    def runs(self) -> list[dict[str, Any]]:
        """The last ten; the page of a job is for whoever started it and for its recipients."""
        rows = list(self.row.runs.select_related("job").order_by("-since")[:10]) if self.row else []
        mine = Job.objects.filter(Q(actor=self.actor) | Q(readers=self.actor), pk__in=[row.job_id for row in rows])
        opened = set(mine.values_list("pk", flat=True))
        return [{"row": row, "is_opened": row.job_id in opened} for row in rows]

    def is_days(self, chip: dict[str, str]) -> bool:
        """Whether a chip tells the days that the list shows by itself; a schedule has days of its own."""
        labels = [label for _field, label in getattr(self.listing.filterset, "axes", {}).values()]
        heads = tuple((_("%(time)s: %(days)s") % {"time": label, "days": ""}).strip() for label in labels)
        return chip["label"].startswith(heads)

    def cleaned(self, form: Any) -> dict[str, Any]:
        """The fields of the action."""
        chosen = set(form.cleaned_data.pop("recipients"))
        return form.cleaned_data | {"recipients": [user for user in self.people if str(user.pk) in chosen]}


class ScheduleCreate(ScheduleForms):
    """Make one; the query of the address is that of a list, with `record`."""

    def act(self, form: Any) -> HttpResponse:
        """Begins with the present period."""
        fields = self.cleaned(form)
        row = actions.create(self.place, self.record, query=self.listing.query.urlencode(), actor=self.actor, **fields)
        return self.done(_("“%s” is scheduled. It starts when the present period is over.") % row, self.list_url)


class ScheduleEdit(ScheduleForms):
    """Change, pause, resume or delete one."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """The row is found once the place and the permission are known."""
        self.pk = kwargs["pk"]
        return super().dispatch(request, *args, **kwargs)

    def check_permission(self) -> None:
        """Then the row of this place, or 404."""
        super().check_permission()
        self.row = self.schedule(self.pk)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """The buttons beside the form say `act`."""
        assert self.row
        act = request.POST.get("act", "")
        if act == "delete":
            actions.delete(self.row, actor=self.actor)
            return self.done(_("“%s” is deleted. Files that it made stay for their 7 days.") % self.row, self.list_url)
        if act in ("pause", "resume"):
            self.warn(self.row, (actions.pause if act == "pause" else actions.resume)(self.row, actor=self.actor))
            return redirect(request.path)
        return super().post(request, **kwargs)

    def act(self, form: Any) -> HttpResponse:
        """Store the changes."""
        assert self.row
        row = actions.edit(self.row, actor=self.actor, **self.cleaned(form))
        self.warn(self.row, row)
        return self.done(_("“%s” is changed.") % row, self.list_url)

    def warn(self, before: ExportSchedule, after: ExportSchedule) -> None:
        """Say which time the change leaves out: what was to be the next period began earlier than what is now."""
        ends = [begin(row).astimezone(ZoneInfo(after.zone)) for row in (before, after)]
        if ends[0] >= ends[1]:
            return
        since, until = map(time_text, ends)
        told = _(
            "No file of it will hold the time from %(since)s to %(until)s (%(zone)s). Export that from the list if you need it."
        ) % {"since": since, "until": until, "zone": after.zone}
        messages.warning(self.request, told)
