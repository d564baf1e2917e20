"""Routes of this app."""

from django.urls import path
from django.urls.resolvers import URLPattern

from payments.views import approvals, delivery, merchant, payment

app_name = "payments"
urlpatterns: list[URLPattern] = [
    path("m/<str:app_id>/payment/", payment.Payment.as_view(), name="payment"),
    path("m/<str:app_id>/payment/request", payment.PaymentRequestNew.as_view(), name="payment-request"),
    path("m/<str:app_id>/payment/<int:pk>/cancel", payment.PaymentCancel.as_view(), name="payment-cancel"),
    path("t/<str:team>/merchant/", merchant.MerchantPage.as_view(), name="merchant"),
    path("t/<str:team>/merchant/bind", merchant.MerchantBind.as_view(), name="merchant-bind"),
    path("t/<str:team>/merchant/<int:pk>/cancel", merchant.MerchantCancel.as_view(), name="merchant-cancel"),
    path("t/<str:team>/merchant/<int:pk>/unbind", merchant.MerchantUnbind.as_view(), name="merchant-unbind"),
    path("m/<str:app_id>/delivery/", delivery.Delivery.as_view(), name="delivery"),
    path("m/<str:app_id>/delivery/configure", delivery.DeliveryConfigure.as_view(), name="delivery-configure"),
    path("m/<str:app_id>/delivery/credential/resend", delivery.CredentialResend.as_view(), name="credential-resend"),
    path("m/<str:app_id>/delivery/exemption/request", delivery.ExemptionNew.as_view(), name="exemption-request"),
    path("m/<str:app_id>/delivery/exemption/<int:pk>/cancel", delivery.ExemptionCancel.as_view(), name="exemption-cancel"),
    path("s/<str:superapp>/approvals/", approvals.Approvals.as_view(), name="approvals"),
    path("s/<str:superapp>/approvals/<int:pk>/", approvals.Review.as_view(), name="review"),
    path("s/<str:superapp>/approvals/<int:pk>/approve", approvals.Approve.as_view(), name="approve"),
    path("s/<str:superapp>/approvals/<int:pk>/reject", approvals.Reject.as_view(), name="reject"),
    path("s/<str:superapp>/approvals/<int:pk>/disable", approvals.Disable.as_view(), name="payment-disable"),
    path("s/<str:superapp>/approvals/exemptions/<int:pk>/revoke", approvals.Revoke.as_view(), name="exemption-revoke"),
]
