"""Columns and saved views of a list: one page, a form for each thing that can be done."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.translation import gettext as _

from console.actions import saved_view as actions
from console.errors import Invisible, Refused
from console.filters import id_in
from console.list_settings import kept_columns, views_of, without_people
from console.listing import Listing
from console.models import MiniProgram, SavedView, Superapp
from console.views.base import ConsoleView


class ListSettings(ConsoleView):
    """Base of the pages; the query of the address is that of the list. A subclass says which list, and how it is made."""

    template_name: ClassVar[str] = "console/list_settings.html"
    list_class: ClassVar[type[Listing]]

    @property
    def place(self) -> MiniProgram | Superapp:
        """What the list is about."""
        return self.mini_program or self.superapp  # type: ignore[return-value]

    @property
    def list_url(self) -> str:
        """The list, without a query."""
        return self.request.path.removesuffix("settings")

    def listing(self, kept: list[str], query: QueryDict | None = None) -> Listing:
        """The list that the address describes, or this query."""
        raise NotImplementedError

    def get(self, request: HttpRequest, **_kwargs: Any) -> HttpResponse:
        """Columns, the view to save, the views there are."""
        return self.page()

    def post(self, request: HttpRequest, **_kwargs: Any) -> HttpResponse:
        """Do what the form says; what is refused stands on top."""
        acts: dict[str, Callable[[], HttpResponse]] = {
            "columns": self.keep_columns, "usual": self.usual_columns, "save": self.save, "rename": self.rename,
            "share": self.share, "keep_private": self.keep_private, "delete": self.delete,
        }  # fmt: skip
        act = acts.get(request.POST.get("act", ""))
        if act is None:
            return self.page(status=422, refused=_("Choose one of the buttons."))
        try:
            return act()
        except Refused as refused:
            return self.page(status=422, refused=str(refused))

    def page(self, *, status: int = 200, refused: str = "") -> HttpResponse:
        """The page with what is kept now."""
        listing = self.listing(kept_columns(self.list_class.name, reader=self.actor))
        found = without_people(views_of(self.list_class.name, self.place, reader=self.actor), listing, reader=self.actor)
        views = [(view, actions.may_change(view, actor=self.actor)) for view in found]
        # Not those shown: what is kept is for all records of the list, whatever this one shows in a column's stead.
        ticked = {column.name for column in listing.chosen}
        columns = [(column, column.name in ticked) for column in listing.columns]
        return self.render(
            status=status, refused=refused, listing=listing, views=views, columns=columns,
            list_url=self.list_url, back_url=self.list_url + listing.url(), typed=self.request.POST.get("name", ""),
        )  # fmt: skip

    def keep_columns(self) -> HttpResponse:
        """Keep the ticked columns."""
        names = self.request.POST.getlist("columns")
        if not actions.keep_columns(self.list_class, names, actor=self.actor):
            raise Refused(_("Tick at least one column, or take the usual ones."))
        return self.back(_("These columns are shown to you from now on."))

    def usual_columns(self) -> HttpResponse:
        """Forget which columns the actor kept."""
        actions.keep_columns(self.list_class, [], actor=self.actor)
        return self.back(_("The usual columns are shown again."))

    def save(self) -> HttpResponse:
        """Keep the list that the address describes."""
        post, query = self.request.POST, self.listing(kept_columns(self.list_class.name, reader=self.actor)).view_query
        shared = post.get("is_shared") == "on"
        if shared:
            self.check_shareable(query)
        view = actions.save(self.place, self.list_class, query, name=post.get("name", ""), is_shared=shared, actor=self.actor)
        return self.done(_("The view “%s” is kept.") % view.name, f"{self.list_url}?{view.query}")

    def rename(self) -> HttpResponse:
        """Another name."""
        view = actions.rename(self.view_named(), self.request.POST.get("name", ""), actor=self.actor)
        return self.here(_("The view is now named “%s”.") % view.name)

    def share(self) -> HttpResponse:
        """For everybody who sees the list."""
        view = self.view_named()
        self.check_shareable(view.query)
        actions.share(view, actor=self.actor)
        return self.here(_("Everybody who sees this list can use “%s” now.") % view.name)

    def check_shareable(self, query: str) -> None:
        """Superapp and platform see players masked, also on the lists of a team; so no shared view names one. Raises Refused."""
        if self.listing([], QueryDict(query)).is_personal:
            raise Refused(_("This view searches for a player's open id, which others see masked. Keep it for yourself."))

    def keep_private(self) -> HttpResponse:
        """For its owner only."""
        view = actions.keep_private(self.view_named(), actor=self.actor)
        return self.here(_("Only its owner can use “%s” now.") % view.name)

    def delete(self) -> HttpResponse:
        """Gone."""
        view = self.view_named()
        actions.delete(view, actor=self.actor)
        return self.here(_("The view “%s” is deleted.") % view.name)

    def view_named(self) -> SavedView:
        """The view that the form names, of those the actor sees. Raises Invisible."""
        text = self.request.POST.get("view", "")
        pk = id_in(text)
        view = views_of(self.list_class.name, self.place, reader=self.actor).filter(pk=pk).first()
        if view is None:
            raise Invisible
        return view

    def back(self, message: str) -> HttpResponse:
        """To the list, without columns of the address: they would hide what was kept."""
        listing = self.listing([])
        return self.done(message, self.list_url + listing.url(without=("columns",)))

    def here(self, message: str) -> HttpResponse:
        """To this page again."""
        return self.done(message, self.request.get_full_path())
