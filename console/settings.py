"""Settings, read from the environment and failing closed: what is not said is production.

DEBUG=1 is development, DEMO=1 is `make run`; without either the process is production and refuses to start when a key is
missing or a setting for local trial is left over. docs/operations.md lists every variable.
"""

import ipaddress
import sys
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from console import keys, logs

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

# --- What kind of process this is ---------------------------------------------------------------------------------
DEBUG = env.bool("DEBUG", default=False)
DEMO = env.bool("DEMO", default=False)
SIMULATOR = env.bool("SIMULATOR", default=False)
# Not an environment variable: nobody can switch production's checks off by a stray TESTING=1.
TESTING = "pytest" in sys.modules
PRODUCTION = not (DEBUG or DEMO or TESTING)
if TESTING:
    SIMULATOR = True
# Tests of kill -9 name a marked point here (console/crash.py); production has none.
CRASH_POINT = "" if PRODUCTION else env.str("CRASH_POINT", default="")
# The waits between attempts of a push are multiplied with this; `make chaos` has no 24 hours.
SCHEDULE_FACTOR = env.float("SCHEDULE_FACTOR", default=1.0)

VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var"))).resolve()
PORT = env.int("PORT", default=8000)  # `make run` listens here, on 127.0.0.1 only
BASE_URL = env.str("BASE_URL", default=f"http://127.0.0.1:{PORT}").rstrip("/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[] if PRODUCTION else ["127.0.0.1", "localhost", "[::1]", "testserver"])
LOCAL_DESTINATIONS = frozenset(filter(None, env.list("LOCAL_DESTINATIONS", default=[])))
TRUSTED_PROXIES = [ipaddress.ip_network(text) for text in env.list("TRUSTED_PROXIES", default=[])]
# A trial works without a telephone at hand; whoever has set up a factor is asked for it there too.
SECOND_FACTOR_REQUIRED = env.bool("SECOND_FACTOR_REQUIRED", default=not DEMO)


def refuse_unsafe_production() -> None:
    """Raise ImproperlyConfigured for what would be unsafe to run in the open."""
    for name in ("SECRET_KEY", "MASTER_KEYS", "AUDIT_KEY", "DATABASE_URL", "EMAIL_URL", "ALLOWED_HOSTS"):
        if not env.str(name, default=""):
            raise ImproperlyConfigured(
                f"{name} is not set. Production needs it (docs/operations.md); for a trial use `make run`."
            )
    trial = {"LOCAL_DESTINATIONS": LOCAL_DESTINATIONS, "SIMULATOR": SIMULATOR, "SCHEDULE_FACTOR": SCHEDULE_FACTOR != 1}
    trial["SECOND_FACTOR_REQUIRED=0"] = not SECOND_FACTOR_REQUIRED
    for name, value in trial.items():
        if value:
            raise ImproperlyConfigured(f"{name} is set. It is for trials on one machine; unset it in production.")


if DEBUG and DEMO:
    raise ImproperlyConfigured("DEBUG and DEMO are both set. Set one: DEMO is `make run`, DEBUG is development.")
if PRODUCTION:
    refuse_unsafe_production()

# --- Keys -----------------------------------------------------------------------------------------------------------
_kept: dict[str, str] = {}
if not PRODUCTION:
    _kept = keys.generate() if TESTING else keys.load_or_create(VAR_DIR / "keys.env")
try:
    SECRET_KEY = env.str("SECRET_KEY", default=_kept.get("SECRET_KEY", ""))
    # id → 32 bytes; the first is the one new data is wrapped with.
    MASTER_KEYS = keys.parse_master_keys(env.str("MASTER_KEYS", default=_kept.get("MASTER_KEYS", "")))
    AUDIT_KEY = keys.parse_key(env.str("AUDIT_KEY", default=_kept.get("AUDIT_KEY", "")), name="AUDIT_KEY")
except keys.KeyFormatError as error:
    raise ImproperlyConfigured(str(error)) from error

# --- Applications ---------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "console",
    "payments",
    "items",
    "orders",
    "openserver",
    *(["simulator"] if SIMULATOR else []),
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "guardian",
    "django_filters",
    "django_htmx",
    "django_structlog",
    "heroicons",
    "csp",
    "ninja",
]
MIDDLEWARE = [
    "console.proxies.TrustedProxies",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "openserver.middleware.CallsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "console.middleware.PreferencesMiddleware",
]
ROOT_URLCONF = "console.urls"
WSGI_APPLICATION = "console.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# SQLite makes the index without the columns that PostgreSQL keeps in it for reading them alone; nothing depends on them.
SILENCED_SYSTEM_CHECKS = ["models.W040"]
FORM_RENDERER = "console.form_renderer.Renderer"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "console.context.console",
                *(["simulator.context.demo"] if DEMO and SIMULATOR else []),
            ],
        },
    }
]

# --- Database, cache, sessions --------------------------------------------------------------------------------------
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'db.sqlite3'}")}
CELERY_WORKER_CONCURRENCY = env.int("WORKER_CONCURRENCY", default=8)
CONNECTIONS_OF_A_JOB = 4  # of an export: its thread's, its snapshot's, that of its totals, and now and then its heartbeat's
_engine = DATABASES["default"]["ENGINE"]
if TESTING:
    # A file also for SQLite: a database in memory has other locking rules than the real one.
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3") if "sqlite" in _engine else "test_console"}
_options = DATABASES["default"].setdefault("OPTIONS", {})
if "sqlite" in _engine:
    # Write locks are taken at BEGIN and waited for: 800 concurrent writes had no "database is locked".
    _options["transaction_mode"] = "IMMEDIATE"
    _options["timeout"] = 20
    _options["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;"
else:
    _options["server_side_binding"] = True
    if not TESTING:
        # Django refuses persistent connections beside a pool.
        DATABASES["default"]["CONN_MAX_AGE"] = 0
        _options["pool"] = {
            "min_size": env.int("DATABASE_POOL_MIN", default=2),
            # 40 are enough for the web threads and the jobs of one process that does everything (console/background.py).
            "max_size": env.int("DATABASE_POOL_MAX", default=max(40, CONNECTIONS_OF_A_JOB * CELERY_WORKER_CONCURRENCY)),
            "timeout": 10,
        }
# Lists and exports may be read from a replica of the same make (console/replica.py, docs/scale.md); nothing else is.
REPLICA_URL = env.str("REPLICA_URL", default="")
REPLICA_MAX_LAG = env.int("REPLICA_MAX_LAG", default=30)  # seconds; of an older one nothing is read
REPLICA_MODELS = frozenset({"orders.order", "orders.refund"})
DATABASE_ROUTERS = ["console.replica.Router"]
if REPLICA_URL:
    DATABASES["replica"] = {**env.db_url("REPLICA_URL"), "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
    if "postgresql" in DATABASES["replica"]["ENGINE"]:
        DATABASES["replica"]["OPTIONS"] = {"server_side_binding": True, "connect_timeout": 2}
# Lock-outs live in the database: losing Redis must lose nothing. Django's default of 300 entries would evict them.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "console_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000, "CULL_FREQUENCY": 10},
    }
}
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = 12 * 3600  # seconds
SESSION_COOKIE_SAMESITE = "Lax"

# --- People ---------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "console.User"
AUTHENTICATION_BACKENDS = [
    "allauth.account.auth_backends.AuthenticationBackend",
    "guardian.backends.ObjectPermissionBackend",
]
ANONYMOUS_USER_NAME = None
GUARDIAN_MONKEY_PATCH_USER = False
GUARDIAN_MONKEY_PATCH_GROUP = False
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
if TESTING:
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "console.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_MAX_EMAIL_ADDRESSES = 1
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600  # seconds: a fresh factor for deciding, URLs, keys and roles
ACCOUNT_RATE_LIMITS = {
    "login": "60/m/ip",
    "login_failed": "30/5m/ip,5/5m/key",
    "reset_password": "20/m/ip,5/m/key",
    "reset_password_from_key": "20/m/ip",
    "change_password": "5/m/user",
    "reauthenticate": "10/m/user",
}
MFA_ADAPTER = "console.adapter.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_ISSUER = "Payment console"
MFA_TOTP_TOLERANCE = 1

# --- Languages and time ---------------------------------------------------------------------------------------------
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "locale"]

# --- Files ----------------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [path for path in [BASE_DIR / "static"] if path.is_dir()]
MEDIA_URL = "/media/"
MEDIA_ROOT = VAR_DIR / "media"
FILE_UPLOAD_PERMISSIONS = 0o640
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440  # bytes
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5_000
_static = "django.contrib.staticfiles.storage.StaticFilesStorage"
if not (DEBUG or TESTING):
    _static = "whitenoise.storage.CompressedManifestStaticFilesStorage"
# Images, workbooks and results of jobs: a directory, or an S3-compatible store that all machines share (console/s3.py).
S3 = {
    "bucket_name": env.str("S3_BUCKET", default=""),
    "endpoint_url": env.str("S3_ENDPOINT_URL", default="") or None,
    "region_name": env.str("S3_REGION", default="") or None,
    "access_key": env.str("S3_ACCESS_KEY_ID", default="") or None,
    "secret_key": env.str("S3_SECRET_ACCESS_KEY", default="") or None,
    "addressing_style": env.str("S3_ADDRESSING_STYLE", default="auto"),
    "location": env.str("S3_PREFIX", default=""),
}
STORAGES = {
    "default": {"BACKEND": "console.s3.Bucket" if S3["bucket_name"] else "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": _static},
}

# --- Mail -----------------------------------------------------------------------------------------------------------
if email_url := env.str("EMAIL_URL", default=""):
    vars().update(env.email_url_config(email_url))
elif SIMULATOR:
    EMAIL_BACKEND = "simulator.mail.MailboxBackend"
else:
    EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
EMAIL_TIMEOUT = 20  # seconds
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Payment console <console@localhost>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# --- Celery ---------------------------------------------------------------------------------------------------------
REDIS_URL = env.str("REDIS_URL", default="")
CELERY_BROKER_URL = REDIS_URL or "memory://localhost/"
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {"polling_interval": 0.1}
if REDIS_URL:
    # max_retries 0: with kombu's own retries a commit stood still for 6 s while Redis was down. Workers retry by themselves.
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "max_retries": 0,
        "socket_connect_timeout": 1,
        "socket_timeout": 30,
        "visibility_timeout": 3600,
    }
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_PUBLISH_RETRY = False  # a page does not wait for Redis; the sweeper finds the row
CELERY_TASK_ALWAYS_EAGER = TESTING
CELERY_TASK_EAGER_PROPAGATES = TESTING
# The routes import every view, and so every kind of job; a worker that has not imported a kind cannot run it.
CELERY_IMPORTS = ["console.jobs", "console.links", "console.mail", "console.replica", "console.urls"]
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_POOL = "threads"  # prefork closes the connection pool after every task
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = bool(REDIS_URL)
# What the health page asks (console/health.py); console names other apps as strings only.
HEALTH = ["orders.health.deliveries", "console.health.queues"]
# Who may read figures: `Authorization: Bearer …`. Without it /metrics does not exist.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

# name → {"task": dotted path, "schedule": seconds}. Filled in here and nowhere else.
# An entry expires before the next one is made, so that nothing piles up while no worker runs.
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "sweep-jobs": {"task": "console.jobs.sweep", "schedule": 5.0, "options": {"expires": 5}},
    "seal-audit": {"task": "console.tasks.seal_audit", "schedule": 5.0, "options": {"expires": 5}},
    "send-mails": {"task": "console.mail.send_mails", "schedule": 5.0, "options": {"expires": 5}},
    "send-links": {"task": "console.links.send_links", "schedule": 5.0, "options": {"expires": 5}},
    "send-credential-mails": {"task": "payments.tasks.send_credential_mails", "schedule": 5.0, "options": {"expires": 5}},
    "send-digests": {"task": "console.notices.send_digests", "schedule": 900.0, "options": {"expires": 900}},
    "escalate-requests": {"task": "payments.tasks.escalate_requests", "schedule": 900.0, "options": {"expires": 900}},
    "start-exports": {"task": "console.schedules.start_due", "schedule": 60.0, "options": {"expires": 60}},
    "prune-openserver": {"task": "openserver.tasks.prune", "schedule": 60.0, "options": {"expires": 60}},
    "reconcile": {"task": "openserver.tasks.reconcile", "schedule": 600.0, "options": {"expires": 600}},
    "match-notifications": {"task": "orders.tasks.match_notifications", "schedule": 5.0, "options": {"expires": 5}},
    "forget-refusals": {"task": "orders.tasks.forget_refusals", "schedule": 3600.0, "options": {"expires": 3600}},
    "roll-up": {"task": "orders.tasks.roll_up", "schedule": 15.0, "options": {"expires": 15}},
    "remind-of-expiry": {"task": "payments.tasks.remind_of_expiry", "schedule": 600.0, "options": {"expires": 600}},
    "retire-credentials": {"task": "payments.tasks.retire_credentials", "schedule": 60.0, "options": {"expires": 60}},
}

if REPLICA_URL or TESTING:
    renewal = {"task": "console.replica.renew_mark", "schedule": 2.0, "options": {"expires": 2}}
    CELERY_BEAT_SCHEDULE["renew-replica-mark"] = renewal

# --- Requests ---------------------------------------------------------------------------------------------------------
ESCALATE_AFTER_HOURS = env.int("ESCALATE_AFTER_HOURS", default=72)  # a request that waits longer is told to the superapp's admins

# --- openServer: calls a minute (openserver/limits.py); 0 is no limit --------------------------------------------------
CALLS_PER_ADDRESS = env.int("CALLS_PER_ADDRESS", default=6_000)
CALLS_PER_PROGRAM = env.int("CALLS_PER_PROGRAM", default=30_000)
# Each process counts for itself, so it gets its share (console/gunicorn_conf.py).
WEB_PROCESSES = env.int("WEB_CONCURRENCY", default=2) if REDIS_URL else 1

# --- Deliveries: pushes a second that one dispatcher begins at one endpoint (orders/dispatcher.py); 0 is no limit -------
PUSHES_PER_SECOND = env.int("PUSHES_PER_SECOND", default=200)

# --- Archive: orders older than so many months leave the tables (docs/scale.md); 0 keeps them for ever ------------------
ARCHIVE_LEAST_MONTHS = 18  # the lists show 12, and the refund of an order may begin half a year later
ARCHIVE_AFTER_MONTHS = env.int("ARCHIVE_AFTER_MONTHS", default=0)
if ARCHIVE_AFTER_MONTHS and ARCHIVE_AFTER_MONTHS < ARCHIVE_LEAST_MONTHS:
    raise ImproperlyConfigured(f"ARCHIVE_AFTER_MONTHS is below {ARCHIVE_LEAST_MONTHS}. Set it higher, or to 0 to keep orders.")
if ARCHIVE_AFTER_MONTHS or TESTING:
    CELERY_BEAT_SCHEDULE["archive-orders"] = {"task": "orders.tasks.archive", "schedule": 600.0, "options": {"expires": 600}}

# --- The edge -------------------------------------------------------------------------------------------------------
CSRF_TRUSTED_ORIGINS = [BASE_URL]
CSRF_FAILURE_VIEW = "django.views.csrf.csrf_failure"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if PRODUCTION:
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
    SECURE_REDIRECT_EXEMPT = [r"^health$"]  # load balancers ask over plain HTTP
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
if TRUSTED_PROXIES:
    # console.proxies drops the header when it does not come from one of them.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

# --- Logging --------------------------------------------------------------------------------------------------------
LOGGING = logs.logging_config(json_lines=PRODUCTION, level=env.str("LOG_LEVEL", default="INFO" if PRODUCTION else "WARNING"))
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False  # it would believe any X-Forwarded-For
