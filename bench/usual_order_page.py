"""The order record as one writes it first: model instances, Paginator (COUNT and OFFSET), every cell by the template engine."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template import engines

from console.views.base import ConsoleView
from orders.models import Order

TEMPLATE = """
{% extends "layouts/console.html" %}{% load ui %}
{% block heading %}Orders{% endblock %}
{% block content %}{% table caption="Orders" %}<thead><tr><th>Order number</th></tr></thead><tbody>
{% for order in page_obj %}<tr>
  {% url "orders:detail" app_id=order.mini_program.app_id pk=order.pk as url %}
  <th scope="row">{% copy order.out_trade_no url=url %}</th>
  <td>{% when order.created_at %}</td><td>{{ order.product_name }}</td>
  <td class="num">{% money order.amount order.currency %}</td>
  <td>{% state_badge order "payment_state" %}</td><td>{% state_badge order "delivery_state" %}</td>
  <td>{% state_badge order "refund_state" %}</td><td>{{ order.get_env_display }}</td><td class="num">{{ order.quantity }}</td>
  <td>{% copy order.prepay_id %}</td>
</tr>{% endfor %}</tbody>{% endtable %}
<p>{{ page_obj.paginator.count }} orders, page {{ page_obj.number }} of {{ page_obj.paginator.num_pages }}</p>{% endblock %}
"""


class UsualOrderList(ConsoleView):
    """The same rows and cells behind the same middleware, layout and permission."""

    permission = "orders.view_order"

    def get(self, request: HttpRequest, **_names: Any) -> HttpResponse:
        """The page that `page` names."""
        rows = Order.objects.filter(mini_program=self.mini_program, kind="virtual", env=0).select_related("mini_program")
        page = Paginator(rows.order_by("-created_at", "-id"), 50).get_page(request.GET.get("page"))
        context = {"superapp": self.superapp, "team": self.team, "mini_program": self.mini_program, "page_obj": page}
        return HttpResponse(engines["django"].from_string(TEMPLATE).render(context, request))
