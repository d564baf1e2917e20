"""The pages of an import, the template and the catalogue."""

import io
from typing import Any, ClassVar

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from console import jobs
from console.errors import Invisible, Refused, WrongState
from console.models import Job
from console.views.base import ConsoleView
from items.actions import imports as actions
from items.importing.forms import XLSX, UploadForm
from items.importing.parts import part_of, parts_of
from items.importing.template import write_template
from items.imports import start_catalogue
from items.models import Import, Item
from items.readiness import missing_step
from items.settlement import settlement_currency
from items.views.items import PricedForm

NO_SNIFF = {"X-Content-Type-Options": "nosniff"}


class Template(ConsoleView):
    """The empty template, in the reader's language and the merchant's currency."""

    permission: ClassVar[str] = "items.download_template"

    def get(self, request: HttpRequest, app_id: str) -> FileResponse:
        """Answers 409 while there is no currency to price in."""
        currency = settlement_currency(self.mini_program)  # type: ignore[arg-type]
        if not currency:
            raise WrongState(_("No merchant is effective yet, so the template would have no currency. Bind a merchant first."))
        out = io.BytesIO()
        write_template(out, currency)
        out.seek(0)
        return FileResponse(out, as_attachment=True, filename=f"items-{app_id}.xlsx", content_type=XLSX, headers=NO_SNIFF)


class Catalogue(ConsoleView):
    """Export all items: choose the format, then a job makes the file."""

    permission: ClassVar[str] = "items.view_item"
    template_name: ClassVar[str] = "items/import_catalogue.html"

    def get(self, request: HttpRequest, app_id: str) -> HttpResponse:
        """How many items there are, and in which currency prices are written."""
        currency = settlement_currency(self.mini_program)  # type: ignore[arg-type]
        items = Item.objects.filter(mini_program=self.mini_program).existing()
        other = items.exclude(currency=currency).count() if currency else 0
        return self.render(currency=currency, number=items.count(), other=other)

    def post(self, request: HttpRequest, app_id: str) -> HttpResponse:
        """Start the job."""
        kind = "csv" if request.POST.get("kind") == "csv" else "xlsx"
        try:
            job = start_catalogue(self.mini_program, actor=self.actor, kind=kind)  # type: ignore[arg-type]
        except Refused as refused:
            raise WrongState(str(refused)) from None
        return redirect("job-detail", uid=job.uid)


class ImportList(ConsoleView):
    """The imports of a mini program, newest first."""

    permission: ClassVar[str] = "items.edit_item"
    template_name: ClassVar[str] = "items/import_list.html"

    def get(self, request: HttpRequest, app_id: str) -> HttpResponse:
        """The last hundred."""
        assert self.mini_program
        rows = Import.objects.filter(mini_program=self.mini_program).select_related("started_by").defer("findings", "plan")
        imports = list(rows.order_by("-started_at")[:100])
        has_currency = bool(imports) or bool(settlement_currency(self.mini_program))
        missing = None if has_currency else missing_step(self.mini_program, actor=self.actor)
        return self.render(imports=imports, missing=missing)


class ImportUpload(PricedForm):
    """Choose a workbook; the check starts at once."""

    permission: ClassVar[str] = "items.edit_item"
    template_name: ClassVar[str] = "items/import_upload.html"
    form_class: ClassVar[type[Any]] = UploadForm

    def form_arguments(self) -> dict[str, Any]:
        """The form needs nothing but the upload."""
        return {}

    def act(self, form: UploadForm) -> HttpResponse:
        """Store, start the check, watch it."""
        assert self.mini_program
        data = form.cleaned_data
        run = actions.upload(self.mini_program, actor=self.actor, file=data["file"], mode=data["mode"], images=data["images"])
        return redirect("items:import-detail", app_id=self.mini_program.app_id, pk=run.pk)


class ImportPage(ConsoleView):
    """A page about the import that the URL names."""

    permission: ClassVar[str] = "items.edit_item"
    run: Import

    def find_container(self, *, pk: int = 0, **names: Any) -> None:
        """The mini program, then its import. Raises Invisible."""
        super().find_container(**names)
        rows = Import.objects.select_related("mini_program", "job", "started_by")
        found = rows.filter(mini_program=self.mini_program, pk=pk).first()
        if found is None:
            raise Invisible
        self.run = found

    def url(self) -> str:
        """The page of the import."""
        return reverse("items:import-detail", kwargs={"app_id": self.run.mini_program.app_id, "pk": self.run.pk})


class ImportDetail(ImportPage):
    """Progress, then what the check found, then the result."""

    template_name: ClassVar[str] = "items/import_detail.html"

    def get(self, request: HttpRequest, app_id: str, pk: int) -> HttpResponse:
        """While a job is at it the page asks for itself every second or two."""
        run, job = self.run, self.run.job
        waits = job is not None and job.state == Job.State.QUEUED and timezone.now() - job.created_at > jobs.STALE_AFTER / 4
        return self.render(
            run=run,
            no_worker=run.is_working and waits,
            parts=parts_of(run),
            list_url=reverse("items:list", kwargs={"app_id": app_id}) + f"?run={run.pk}",
        )


class ImportPart(ImportPage):
    """All findings of one cause, or all rows that change or are new, page by page."""

    template_name: ClassVar[str] = "items/import_part.html"

    def get(self, request: HttpRequest, app_id: str, pk: int, part: str) -> HttpResponse:
        """A hundred rows a page. Raises Invisible when there is no such page."""
        asked = request.GET.get("page", "1")
        page = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 1
        found = part_of(self.run, part, max(page, 1))
        if found is None:
            raise Invisible
        return self.render(
            run=self.run,
            part=found,
            previous_url=f"?page={page - 1}" if page > 1 else "",
            next_url=f"?page={page + 1}" if page < found.pages else "",
        )


class ImportAct(ImportPage):
    """Base of the buttons; what is refused is a 409 with the sentence."""

    def post(self, request: HttpRequest, app_id: str, pk: int) -> HttpResponse:
        """Act, then show the import."""
        try:
            message = self.act()
        except Refused as refused:
            raise WrongState(str(refused)) from None
        return self.done(message, self.url())

    def act(self) -> str:
        """Call the action; returns what happened."""
        raise NotImplementedError


class ImportConfirm(ImportAct):
    """Write what the check showed."""

    def act(self) -> str:
        """Start the job."""
        actions.confirm(self.run, actor=self.actor)
        return _("The import has started.")


class ImportRecheck(ImportAct):
    """Check the same file again."""

    def act(self) -> str:
        """Start the job."""
        actions.recheck(self.run, actor=self.actor)
        return _("The workbook is being checked again.")


class ImportCancel(ImportAct):
    """End an import before anything was written."""

    def act(self) -> str:
        """Cancel."""
        actions.cancel(self.run, actor=self.actor)
        return _("The import was cancelled. Nothing was written.")


class ImportUndo(ImportAct):
    """Take an applied import back."""

    def act(self) -> str:
        """Undo in one transaction."""
        actions.undo(self.run, actor=self.actor)
        return _("The import was undone.")


class ImportWorkbook(ImportPage):
    """The user's own workbook with what was found in it."""

    def get(self, request: HttpRequest, app_id: str, pk: int) -> HttpResponseBase:
        """As a download; answers 409 when there is none."""
        if not self.run.annotated:
            raise WrongState(_("There is no marked copy of this workbook. The page of the import lists every cell."))
        try:
            opened = self.run.annotated.open("rb")
        except FileNotFoundError:
            raise Invisible from None
        stem = self.run.file_name.rpartition(".")[0] or self.run.file_name
        name = f"{stem}-{_('checked')}.xlsx"
        return FileResponse(opened, as_attachment=True, filename=name, content_type=XLSX, headers=NO_SNIFF)
