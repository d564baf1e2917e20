"""Routes of openServer, below /openserver/v1/. No trailing slashes: the path is signed as it is."""

from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from openserver import views
from openserver.envelope import endpoint

app_name = "openserver"
urlpatterns = [
    path("sessions", endpoint(post=views.open_session), name="sessions"),
    path("jscode2session", endpoint(post=views.exchange_code), name="jscode2session"),
    path("orders", endpoint(post=views.place_order), name="orders"),
    path("orders/<str:out_trade_no>", endpoint(get=views.query_order), name="order"),
    path("payment-notifications", endpoint(post=views.payment_notification), name="payment-notifications"),
    path("refund-notifications", endpoint(post=views.refund_notification), name="refund-notifications"),
    path("pay/transactions/jsapi", endpoint(post=views.place_transaction), name="transactions"),
    path("pay/transactions/out-trade-no/<str:out_trade_no>", endpoint(get=views.query_transaction), name="transaction"),
    path("pay/notifications", endpoint(post=views.transaction_notification), name="transaction-notifications"),
    path("appkeys/<str:app_id>", endpoint(get=views.read_app_keys), name="appkeys"),
    path("health", endpoint(get=views.health), name="health"),
    path("openapi.json", require_safe(views.schema), name="openapi"),
    path("docs", require_safe(views.docs), name="docs"),
    re_path(r"^(?P<rest>.*)$", csrf_exempt(views.nothing_here), name="nothing-here"),
]
