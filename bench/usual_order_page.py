"""The order record as one writes it first: model instances, Paginator (COUNT and OFFSET), every cell by the template engine.

What stands around the rows is the same as on our page: tabs, saved views, filter form, chips, tick boxes.
"""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template import engines
from guardian.core import ObjectPermissionChecker

from console.list_settings import views_shown
from console.views.base import ConsoleView
from orders.listings import order_listing

TEMPLATE = """
{% extends "layouts/console.html" %}{% load ui %}
{% block heading %}Orders{% endblock %}
{% block content %}<div class="list-head">{% include "components/tabs.html" with tabs=listing.environments label="Environment" %}
{% include "components/saved_views.html" %}</div>
{% include "components/listing_filters.html" %}{% include "components/filter_chips.html" with chips=listing.chips %}
<form method="get" action="export">{% include "components/export_selected.html" %}
{% table caption="Orders" %}<thead><tr><th></th>
{% for column in listing.shown %}<th>{{ column.label }}</th>{% endfor %}</tr></thead><tbody>
{% for order in page_obj %}<tr>
  {% url "orders:detail" app_id=order.mini_program.app_id pk=order.pk as url %}
  <td class="select"><input type="checkbox" name="row" value="{{ order.pk }}" aria-label="Select {{ order.out_trade_no }}"></td>
  <th scope="row">{% copy order.out_trade_no url=url %}</th>
  <td>{% when order.created_at %}</td><td>{{ order.product_name }}</td>
  <td class="num">{% money order.amount order.currency %}</td>
  <td>{% state_badge order "payment_state" %}</td><td>{% state_badge order "delivery_state" %}</td>
  <td>{% state_badge order "refund_state" %}</td><td>{{ order.get_env_display }}</td><td class="num">{{ order.quantity }}</td>
  <td>{% copy order.prepay_id %}</td>
</tr>{% endfor %}</tbody>{% endtable %}</form>
<p>{{ page_obj.paginator.count }} orders, page {{ page_obj.number }} of {{ page_obj.paginator.num_pages }}</p>{% endblock %}
"""


class UsualOrderList(ConsoleView):
    """The same rows and cells behind the same middleware, layout and permission."""

    permission = "orders.view_order"

    def get(self, request: HttpRequest, **_names: Any) -> HttpResponse:
        """The page that `page` names."""
        listing = order_listing(self.mini_program, request.GET)
        rows = listing.filterset.qs.select_related("mini_program").order_by("-created_at", "-id")
        page = Paginator(rows, 50).get_page(request.GET.get("page"))
        may_redeliver = ObjectPermissionChecker(self.actor).has_perm("redeliver", self.team)
        views = views_shown(listing, self.mini_program, reader=self.actor)
        context = self.context(page_obj=page, listing=listing, views=views, may_redeliver=may_redeliver)
        return HttpResponse(engines["django"].from_string(TEMPLATE).render(context, request))
