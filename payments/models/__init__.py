"""What must hold before anything can be sold: merchants, requests and their decisions, delivery configuration, credentials."""

from payments.models.delivery import CertificateAuthority, ClientCertificate, Credential, CredentialMail, DeliveryConfig
from payments.models.merchants import Merchant
from payments.models.requests import (
    REASON_LIMIT,
    ExemptionRequest,
    MerchantBinding,
    PaymentRequest,
    ProgramOwned,
    Request,
    RequestQuerySet,
    owners_of,
    reason_given,
    why_not_decide,
)

__all__ = [
    "CertificateAuthority",
    "ClientCertificate",
    "Credential",
    "CredentialMail",
    "DeliveryConfig",
    "ExemptionRequest",
    "Merchant",
    "MerchantBinding",
    "PaymentRequest",
    "ProgramOwned",
    "REASON_LIMIT",
    "Request",
    "RequestQuerySet",
    "owners_of",
    "reason_given",
    "why_not_decide",
]
