"""Routes of this app."""

from django.urls import path

from orders.views import archived, details, exemption, exports, home, list_settings, mismatches, push, records
from orders.views.redelivery import RedeliverMany

app_name = "orders"
urlpatterns = [
    path("m/<str:app_id>/", home.ProgramHome.as_view(), name="home"),
    path("m/<str:app_id>/orders/", records.OrderList.as_view(), name="list"),
    path("m/<str:app_id>/orders/settings", list_settings.OrderListSettings.as_view(), name="list-settings"),
    path("m/<str:app_id>/refunds/settings", list_settings.RefundListSettings.as_view(), name="refund-list-settings"),
    path("s/<str:superapp>/orders/settings", list_settings.SuperappOrderListSettings.as_view(), name="superapp-list-settings"),
    path(
        "s/<str:superapp>/refunds/settings",
        list_settings.SuperappRefundListSettings.as_view(),
        name="superapp-refund-list-settings",
    ),
    path("m/<str:app_id>/orders/export", exports.OrderExport.as_view(), name="export"),
    path("m/<str:app_id>/orders/<int:pk>/", details.OrderDetail.as_view(), name="detail"),
    path("m/<str:app_id>/orders/archived", archived.ArchivedOrderDetail.as_view(), name="archived"),
    path("m/<str:app_id>/refunds/archived", archived.ArchivedRefundDetail.as_view(), name="archived-refund"),
    path("m/<str:app_id>/orders/redeliver", RedeliverMany.as_view(), name="redeliver-many"),
    path("m/<str:app_id>/mismatches/", mismatches.Mismatches.as_view(), name="mismatches"),
    path("m/<str:app_id>/mismatches/settle", mismatches.MismatchSettle.as_view(), name="mismatch-settle"),
    path("m/<str:app_id>/mismatches/reopen", mismatches.MismatchReopen.as_view(), name="mismatch-reopen"),
    path(
        "s/<str:superapp>/mismatches/settle", mismatches.SuperappMismatchSettle.as_view(), name="superapp-mismatch-settle"
    ),
    path(
        "s/<str:superapp>/mismatches/reopen", mismatches.SuperappMismatchReopen.as_view(), name="superapp-mismatch-reopen"
    ),
    path("s/<str:superapp>/mismatches/", mismatches.Mismatches.as_view(), name="superapp-mismatches"),
    path("m/<str:app_id>/refunds/", records.RefundList.as_view(), name="refund-list"),
    path("m/<str:app_id>/refunds/export", exports.RefundExport.as_view(), name="refund-export"),
    path("m/<str:app_id>/refunds/<int:pk>/", details.RefundDetail.as_view(), name="refund-detail"),
    path("s/<str:superapp>/orders/", records.SuperappOrderList.as_view(), name="superapp-list"),
    path("s/<str:superapp>/orders/export", exports.SuperappOrderExport.as_view(), name="superapp-export"),
    path("s/<str:superapp>/approvals/exemptions/<int:pk>/revoke", exemption.ExemptionRevoke.as_view(), name="exemption-revoke"),
    path("s/<str:superapp>/refunds/", records.SuperappRefundList.as_view(), name="superapp-refund-list"),
    path("s/<str:superapp>/refunds/export", exports.SuperappRefundExport.as_view(), name="superapp-refund-export"),
    path("m/<str:app_id>/orders/<int:pk>/redeliver", push.Redeliver.as_view(), name="redeliver"),
    path("m/<str:app_id>/delivery/on", push.PushOn.as_view(), name="push-on"),
    path("m/<str:app_id>/delivery/off", push.PushOff.as_view(), name="push-off"),
    path("m/<str:app_id>/delivery/test", push.PushTest.as_view(), name="push-test"),
    path("m/<str:app_id>/delivery/probe", push.PushProbe.as_view(), name="push-probe"),
    path("m/<str:app_id>/delivery/check", push.CheckUrls.as_view(), name="check-urls"),
    path("m/<str:app_id>/delivery/log/", push.PushLog.as_view(), name="push-log"),
]
