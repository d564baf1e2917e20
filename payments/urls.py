"""Routes of this app."""

from django.urls import path
from django.urls.resolvers import URLPattern

from payments.views import approvals, backend, delivery, management, merchant, merchants, payment, queue
from payments.views.client_certificate import ClientCertificateRemove, ClientCertificateUpload
from payments.views.credential import CredentialIssue, CredentialRetire, CredentialRevoke, CredentialRotate

app_name = "payments"
MANAGEMENT = "s/<str:superapp>/payment-management/"
urlpatterns: list[URLPattern] = [
    path("m/<str:app_id>/payment/", payment.Payment.as_view(), name="payment"),
    path("m/<str:app_id>/payment/request", payment.PaymentRequestNew.as_view(), name="payment-request"),
    path("m/<str:app_id>/payment/<int:pk>/cancel", payment.PaymentCancel.as_view(), name="payment-cancel"),
    path("m/<str:app_id>/standard/payment/", payment.StandardPayment.as_view(), name="standard-payment"),
    path("m/<str:app_id>/standard/payment/request", payment.StandardPaymentRequestNew.as_view(), name="standard-payment-request"),
    path(
        "m/<str:app_id>/standard/payment/<int:pk>/cancel",
        payment.StandardPaymentCancel.as_view(),
        name="standard-payment-cancel",
    ),
    path("t/<str:team>/merchant/", merchant.MerchantPage.as_view(), name="merchant"),
    path("t/<str:team>/merchant/bind", merchant.MerchantBind.as_view(), name="merchant-bind"),
    path("t/<str:team>/merchant/<int:pk>/cancel", merchant.MerchantCancel.as_view(), name="merchant-cancel"),
    path("t/<str:team>/merchant/<int:pk>/unbind", merchant.MerchantUnbind.as_view(), name="merchant-unbind"),
    path("m/<str:app_id>/delivery/", delivery.Delivery.as_view(), name="delivery"),
    path("m/<str:app_id>/delivery/configure", delivery.DeliveryConfigure.as_view(), name="delivery-configure"),
    path("m/<str:app_id>/delivery/credential/resend", delivery.CredentialResend.as_view(), name="credential-resend"),
    path("m/<str:app_id>/delivery/credential/issue", CredentialIssue.as_view(), name="credential-issue"),
    path("m/<str:app_id>/delivery/credential/<int:pk>/rotate", CredentialRotate.as_view(), name="credential-rotate"),
    path("m/<str:app_id>/delivery/credential/<int:pk>/retire", CredentialRetire.as_view(), name="credential-retire"),
    path("m/<str:app_id>/delivery/credential/<int:pk>/revoke", CredentialRevoke.as_view(), name="credential-revoke"),
    path("m/<str:app_id>/delivery/client-certificate", ClientCertificateUpload.as_view(), name="client-certificate"),
    path(
        "m/<str:app_id>/delivery/client-certificate/remove", ClientCertificateRemove.as_view(), name="client-certificate-remove"
    ),
    path("m/<str:app_id>/delivery/exemption/request", delivery.ExemptionNew.as_view(), name="exemption-request"),
    path("m/<str:app_id>/delivery/exemption/<int:pk>/cancel", delivery.ExemptionCancel.as_view(), name="exemption-cancel"),
    path("s/<str:superapp>/approvals/", queue.Approvals.as_view(), name="approvals"),
    path("s/<str:superapp>/approvals/decide", queue.RequestsDecide.as_view(), name="requests-decide"),
    path("s/<str:superapp>/approvals/<int:pk>/", approvals.Review.as_view(), name="review"),
    path("s/<str:superapp>/approvals/<int:pk>/approve", approvals.Approve.as_view(), name="approve"),
    path("s/<str:superapp>/approvals/<int:pk>/reject", approvals.Reject.as_view(), name="reject"),
    path("s/<str:superapp>/approvals/<int:pk>/disable", approvals.Disable.as_view(), name="payment-disable"),
    path(MANAGEMENT, management.PaymentManagement.as_view(), name="payment-management"),
    path(f"{MANAGEMENT}switch-on", management.SwitchOn.as_view(), name="payment-switch-on"),
    path(f"{MANAGEMENT}switch-off", management.SwitchOff.as_view(), name="payment-switch-off"),
    path(f"{MANAGEMENT}currencies/add", management.CurrencyAdd.as_view(), name="currency-add"),
    path(f"{MANAGEMENT}currencies/<str:currency>/up", management.CurrencyRaise.as_view(), name="currency-raise"),
    path(f"{MANAGEMENT}currencies/<str:currency>/remove", management.CurrencyRemove.as_view(), name="currency-remove"),
    path("s/<str:superapp>/merchants/", merchants.Merchants.as_view(), name="merchants"),
    path("s/<str:superapp>/merchants/add", merchants.MerchantAdd.as_view(), name="merchant-account-add"),
    path("s/<str:superapp>/merchants/<int:pk>/", merchants.MerchantAccount.as_view(), name="merchant-account"),
    path("s/<str:superapp>/merchants/<int:pk>/edit", merchants.MerchantEdit.as_view(), name="merchant-account-edit"),
    path("s/<str:superapp>/backend/", backend.Backend.as_view(), name="backend"),
    path("s/<str:superapp>/backend/configure", backend.BackendConfigure.as_view(), name="backend-configure"),
    path("s/<str:superapp>/backend/key/create", backend.KeyCreate.as_view(), name="backend-key-create"),
    path("s/<str:superapp>/backend/key/switch", backend.KeySwitch.as_view(), name="backend-key-switch"),
    path("s/<str:superapp>/backend/key/discard", backend.KeyDiscard.as_view(), name="backend-key-discard"),
    path("s/<str:superapp>/backend/key/end-overlap", backend.OverlapEnd.as_view(), name="backend-overlap-end"),
]
