"""All settings, read from the environment; what is missing or wrong fails at start with a hint.

Without any variable the embedded mode runs: SQLite, a queue in a folder, files below DATA_DIR. With
CTEM_PRODUCTION nothing of it is fallen back to: what is missing is named, all of it at once.
"""

import contextlib
import ipaddress
import logging
import os
import secrets
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF
from environs import validate

from ctem import environment, logs
from ctem.environment import (
    FEED_ADDRESS,
    ISSUER,
    NOT_NEGATIVE,
    POSITIVE,
    PUBLIC_ADDRESS,
    RATE,
    TOKEN,
    env,
)

BASE_DIR = Path(__file__).resolve().parent.parent


def _kept_secret(path: Path) -> str:
    """Return the secret kept in ``path``; make it on first use, readable by its owner only."""
    if not path.exists():
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(50))
        with contextlib.suppress(FileExistsError):  # another process of the same start was faster
            os.link(fresh, path)
        fresh.unlink()
    return path.read_text()


DATA_DIR = Path(env.str("CTEM_DATA_DIR", str(BASE_DIR / ".data"))).resolve()
DATA_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)
PRODUCTION = env.bool("CTEM_PRODUCTION", False)
DEBUG = env.bool("CTEM_DEBUG", False)
SECRET_KEY = env.str("CTEM_SECRET_KEY", "") or _kept_secret(DATA_DIR / "secret_key")
# Secrets of before: what they sealed and signed still opens.
SECRET_KEY_FALLBACKS: list[str] = env.list("CTEM_SECRET_KEY_FALLBACKS", [])
ALLOWED_HOSTS = env.list("CTEM_ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CTEM_TRUSTED_ORIGINS", [])
HTTPS = env.bool("CTEM_HTTPS", False)
# Where people and code hosts find this server: https://ctem.example.org. Empty: no links from outside.
PUBLIC_URL = env.str("CTEM_PUBLIC_URL", "", validate=PUBLIC_ADDRESS).rstrip("/")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "core",
    "scopes",
    "findings",
    "remediations",
    "scans",
    "forges",
    "tickets",
    "reports",
    "ctem",
]

MIDDLEWARE = [
    "ctem.operators.RequestLog",
    "ctem.operators.OperatorDoors",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "core.sessions.note_seen",
    "allauth.account.middleware.AccountMiddleware",
    "people.middleware.Requirements",
    "ctem.middleware.no_store",
    "ctem.middleware.RefusalsAsPages",
]

ROOT_URLCONF = "ctem.urls"
WSGI_APPLICATION = "ctem.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "ctem.context.shell",
            ],
        },
    },
]

# --- database -------------------------------------------------------------------------------
DATABASES: dict[str, Any] = {
    "default": environment.database(
        env.str("DATABASE_URL", "") or f"sqlite:///{DATA_DIR / 'ctem.sqlite3'}"
    )
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Without IMMEDIATE, a transaction that reads and then writes fails when another one wrote
    # in between; WAL lets readers go on while one writes.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA recursive_triggers=ON",
    }
else:
    DATABASES["default"].setdefault("OPTIONS", {})  # of the address: sslmode, sslrootcert
    DATABASES["default"]["OPTIONS"] |= {
        "options": "-c statement_timeout=60000 -c lock_timeout=15000",
        "connect_timeout": 5,
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- people ---------------------------------------------------------------------------------
AUTH_USER_MODEL = "core.User"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"
SESSION_ENGINE = "core.sessions"
SESSION_COOKIE_AGE = 3600 * env.int("CTEM_SESSION_HOURS", 7 * 24, validate=POSITIVE)

# --- signing in: people/, docs/access.md ------------------------------------------------------
# Who must have a second factor; in production who approves or administers, where nothing is said.
REQUIRE_MFA = env.str(
    "CTEM_REQUIRE_MFA",
    "admins+approvers" if PRODUCTION else "none",
    validate=validate.OneOf(["none", "admins+approvers", "all"]),
)
# How old a sign-in may be for what approves, lets in or makes keys. 0: nobody is asked again.
FRESH_MINUTES = env.int("CTEM_FRESH_MINUTES", 60, validate=NOT_NEGATIVE)
# Single sign-on by OpenID Connect. Empty: none.
SSO_ISSUER = env.str("CTEM_SSO_ISSUER", "", validate=ISSUER).rstrip("/")
SSO_NAME = env.str("CTEM_SSO_NAME", "Single sign-on")
SSO_GROUPS_CLAIM = env.str("CTEM_SSO_GROUPS_CLAIM", "groups")
SSO_ROLES = environment.roles(env.list("CTEM_SSO_ROLES", []))
SSO_SIGN_UP = env.str("CTEM_SSO_SIGN_UP", "members", validate=validate.OneOf(["members", "all"]))
AUTHENTICATION_BACKENDS = ["people.backends.NameOrMail"]
ACCOUNT_ADAPTER = "people.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["email", "username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # an invitation verified it, or the server's administrator
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_PRESERVE_USERNAME_CASING = True
ACCOUNT_RATE_LIMITS = {"login": None, "login_failed": "10/5m/key"}  # by account: people/limits.py
MFA_ADAPTER = "people.adapters.MfaAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_TOLERANCE = 1  # clocks of phones differ
MFA_FORMS = {"authenticate": "people.forms.CodeForm"}
SOCIALACCOUNT_ADAPTER = "people.sso.SocialAdapter"
SOCIALACCOUNT_LOGIN_ON_GET = True  # a form that leads elsewhere is against our content policy
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_QUERY_EMAIL = True
SOCIALACCOUNT_PROVIDERS = {"openid_connect": environment.single_sign_on(SSO_ISSUER, SSO_NAME)}

# --- transport security ---------------------------------------------------------------------
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# --- static files and uploads ---------------------------------------------------------------
STATIC_URL = "static/"
# A release collects them once, where no volume hides them; else they are served from where they lie.
COLLECTED = env.str("CTEM_STATIC_DIR", "")
STATIC_ROOT = Path(COLLECTED or DATA_DIR / "static")
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = not COLLECTED
WHITENOISE_AUTOREFRESH = DEBUG
MEDIA_ROOT = DATA_DIR / "files"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    # Raw files: s3://bucket/prefix?endpoint=https://…, keys as AWS_*. Empty: a folder below MEDIA_ROOT.
    "blobs": environment.blobs(env.str("CTEM_BLOBS", "")),
}
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700
MAX_REPORT_BYTES = env.int(
    "CTEM_MAX_REPORT_BYTES", 256 * 1024 * 1024, validate=POSITIVE
)  # unpacked
MAX_DIFF_BYTES = env.int("CTEM_MAX_DIFF_BYTES", 32 * 1024 * 1024, validate=POSITIVE)
DATA_UPLOAD_MAX_MEMORY_SIZE = env.int("CTEM_MAX_BODY_BYTES", 64 * 1024 * 1024, validate=POSITIVE)

# --- background work ------------------------------------------------------------------------
BROKER_URL = environment.broker(env.str("CTEM_BROKER_URL", "") or "embedded://")
# Where requests are counted for all processes: a Redis, by itself that of the queue. Without: each for itself.
CACHES = {
    "default": environment.cache(
        env.str("CTEM_CACHE_URL", "") or (BROKER_URL if BROKER_URL.startswith("redis") else "")
    )
}
SIGHTINGS_DAYS = env.int("CTEM_SIGHTINGS_DAYS", 400, validate=NOT_NEGATIVE)  # 0: kept for good
JOB_LEASE_SECONDS = env.int("CTEM_JOB_LEASE_SECONDS", 60, validate=POSITIVE)
JOB_SWEEP_SECONDS = env.int("CTEM_JOB_SWEEP_SECONDS", 5, validate=POSITIVE)
WORKER_PROCESSES = env.int("CTEM_WORKER_PROCESSES", 2, validate=POSITIVE)
JOB_MAX_ATTEMPTS = 3
# Repositories that our own runner may read: folders (absolute) or https:// prefixes. Empty: none.
RUNNER_REPOSITORIES: list[str] = env.list("CTEM_RUNNER_REPOSITORIES", [])
# Folders with further scanners (a virtual environment, a folder of npm); scanners may read them.
RUNNER_TOOLS: list[str] = env.list("CTEM_RUNNER_TOOLS", [])
RUNNER_ISOLATION = env.str(
    "CTEM_RUNNER_ISOLATION", "auto", validate=validate.OneOf(["auto", "required"])
)
RUNNER_NETWORK = env.bool("CTEM_RUNNER_NETWORK", False)  # to recipes that say they need it
# Administrators of a scope may add commands that this machine then runs.
RUNNER_OWN_RECIPES = env.bool("CTEM_RUNNER_OWN_RECIPES", False)
# What the server fetches goes to public hosts by https; these are beside that: HOST, HOST:PORT or a
# network. Private: of one's own house. Plain: by http too, for tests and laboratories.
OUTBOUND_PRIVATE_HOSTS: list[str] = env.list("CTEM_OUTBOUND_PRIVATE_HOSTS", [])
OUTBOUND_PLAIN_HOSTS: list[str] = env.list("CTEM_OUTBOUND_PLAIN_HOSTS", [])
for entry in (*OUTBOUND_PRIVATE_HOSTS, *OUTBOUND_PLAIN_HOSTS):
    if "/" in entry:
        ipaddress.ip_network(entry)  # one that is none would silently open nothing
# Whose identity tokens pipelines may show instead of a key, and for whom those must be made out.
OIDC_ISSUERS: list[str] = env.list(
    "CTEM_OIDC_ISSUERS", ["https://token.actions.githubusercontent.com", "https://gitlab.com"]
)
OIDC_AUDIENCE = env.str("CTEM_OIDC_AUDIENCE", "ctem")
# Between two looks at a code host.
FORGE_POLL_SECONDS = env.int("CTEM_FORGE_POLL_SECONDS", 600, validate=POSITIVE)
# Where feeds of exploited CVEs and names of weaknesses are fetched, once a day. Empty: from nowhere.
FEED_URLS = {
    "kev": env.str("CTEM_FEED_KEV_URL", "", validate=FEED_ADDRESS),
    "epss": env.str("CTEM_FEED_EPSS_URL", "", validate=FEED_ADDRESS),
    "cwe": env.str("CTEM_FEED_CWE_URL", "", validate=FEED_ADDRESS),
}
CERTIFICATE_KEYS_DIR = Path(
    env.str("CTEM_CERTIFICATE_KEYS_DIR", str(DATA_DIR / "certificate_keys"))
)

# --- language, time, logs -------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
LOGGING = logs.configuration()

# --- operators ------------------------------------------------------------------------------
# Who shows it may read /metrics; empty: there is no such address.
METRICS_TOKEN = env.str("CTEM_METRICS_TOKEN", "", validate=TOKEN)

# How long an API token can live, and how many proxies stand before the server: whose word in
# X-Forwarded-For on the address of who asks is believed.
MAX_TOKEN_DAYS = env.int("CTEM_API_TOKEN_DAYS", 366, validate=POSITIVE)
PROXIES = env.int("CTEM_PROXIES", 0, validate=NOT_NEGATIVE)

# --- mail ------------------------------------------------------------------------------------
# Notices to people go out by this server; without one nobody is told by mail.
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = env.str("CTEM_MAIL_HOST", "")
EMAIL_PORT = env.int("CTEM_MAIL_PORT", 587, validate=POSITIVE)
EMAIL_HOST_USER = env.str("CTEM_MAIL_USER", "")
EMAIL_HOST_PASSWORD = env.str("CTEM_MAIL_PASSWORD", "")
MAIL_SECURITY = env.str(
    "CTEM_MAIL_SECURITY", "starttls", validate=validate.OneOf(["starttls", "tls", "none"])
)
EMAIL_USE_TLS, EMAIL_USE_SSL = MAIL_SECURITY == "starttls", MAIL_SECURITY == "tls"
EMAIL_TIMEOUT = 20  # seconds
DEFAULT_FROM_EMAIL = env.str("CTEM_MAIL_FROM", "ctem@localhost")

# --- API ------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "scopes.authentication.WorkloadAuthentication",
        "scopes.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "rest_framework.parsers.JSONParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_PAGINATION_CLASS": "core.pagination.CursorPages",
    "DEFAULT_FILTER_BACKENDS": ["core.filters.StrictFilterBackend"],
    "DEFAULT_THROTTLE_CLASSES": ["core.throttling.Rate"],
    "DEFAULT_THROTTLE_RATES": {
        "user": env.str("CTEM_API_RATE_USER", "6000/min", validate=RATE),
        "anon": env.str("CTEM_API_RATE_ANON", "60/min", validate=RATE),
    },
    "NUM_PROXIES": PROXIES,
    "DEFAULT_SCHEMA_CLASS": "core.openapi.ProblemSchema",
    "EXCEPTION_HANDLER": "ctem.errors.problem_response",
    "PAGE_SIZE": 50,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "CTEM API",
    "DESCRIPTION": "Closed means proven: a finding completes only when the gate has seen the proof.",
    "VERSION": "1",
    "LICENSE": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
    "SERVERS": [{"url": "/", "description": "This server."}],
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "core.openapi.name_enums_of_parameters",
        "core.openapi.link_rows",
        "core.openapi.share_security",
        "core.openapi.add_components",
        "ctem.examples.add_examples",
    ],
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,  # the words speak for themselves
    "ENUM_NAME_OVERRIDES": {  # the names of words in the schema
        "UserKind": "core.api.USER_KINDS",
        "AssetKind": "scopes.serializers.ASSET_KINDS",
        "LineKind": "scopes.serializers.LINE_KINDS",
        "AssetLinkKind": "scopes.scoping_serializers.LINK_KINDS",
        "ToolClassEnum": "scans.serializers.TOOL_CLASSES",
        "LowToCritical": "scopes.serializers.CRITICALITIES",
        "RoleName": "scopes.serializers.ROLES",
        "InvitedRole": "scopes.member_serializers.INVITED_ROLES",
        "ServiceRole": "scopes.token_serializers.SERVICE_ROLE_NAMES",
        "Status": "findings.serializers.STATUSES",
        "TrackerKind": "tickets.tracker_serializers.KINDS",
        "TrackerComments": "tickets.tracker_serializers.TALKS",
        "FeedKind": "findings.priority_serializers.FEED_KINDS",
        "NoveltyCause": "remediations.serializers.CAUSES",
        "ExportSource": "scans.moving_serializers.SOURCES",
        "ExternalKeySource": "findings.serializers.KEY_SOURCES",
        "ClosureSource": "scans.serializers.CLOSURE_SOURCES",
        "RescoringCause": "findings.priority_serializers.CAUSES",
        "SsvcDecision": "findings.serializers.SSVC",
        "Origin": "remediations.serializers.ORIGINS",
        "RemediationState": "remediations.serializers.STATES",
        "ReportLevel": "findings.discovery_serializers.LEVELS",
        "RuleEnd": "findings.discovery_serializers.ENDS",
        "SetAside": "findings.serializers.ASIDES",
        "AnyEvidenceKind": "findings.validation_serializers.KINDS_OF_EVIDENCE",
        "DisputeAbout": "remediations.serializers.ABOUT",
        "FindingDisputeAbout": "findings.validation_serializers.ABOUTS",
        "FindingDisputeState": "findings.validation_serializers.STATES",
        "SuggestionKind": "findings.mobilizing_serializers.KINDS",
        "ProposalSource": "remediations.proposal_serializers.SOURCES",
        "ProposalState": "remediations.proposal_serializers.STATES",
        "ProposalSureness": "remediations.proposal_serializers.SURENESSES",
        "AttemptOutcome": "scans.attempt_serializers.OUTCOMES",
        "ReviewDecision": "remediations.serializers.DECISIONS",
        "NewReviewDecision": "remediations.serializers.NEW_DECISIONS",
        "FactSource": "scans.serializers.SOURCES",
        "EvidenceSource": "remediations.evidence_serializers.SOURCES",
        "SecretState": "remediations.evidence_serializers.STATES",
        "ProofOutcome": "remediations.evidence_serializers.OUTCOMES",
        "ScanState": "scans.serializers.SCAN_STATES",
        "ScanRoleName": "scans.serializers.SCAN_ROLES",
        "DispositionDecision": "scans.serializers.DISPOSITIONS",
        "Verdict": "scans.serializers.VERDICTS",
        "CheckOutcome": "scans.policy_serializers.OUTCOMES",
        "CheckChangeKind": "scans.policy_serializers.KINDS",
        "LowToHigh": "scans.policy_serializers.TIERS",
        "Forge": "forges.serializers.FORGES",
        "SignIn": "forges.serializers.SIGN_INS",
        "ConnectionMode": "forges.serializers.MODES",
        "ConnectionState": "forges.serializers.CONNECTION_STATES",
        "PullState": "forges.serializers.PULL_STATES",
        "WebhookState": "tickets.webhook_serializers.STATES",
        "WebhookPayload": "tickets.webhook_serializers.PAYLOADS",
        "DeliveryState": "tickets.webhook_serializers.DELIVERY_STATES",
        "DeliveryLane": "tickets.webhook_serializers.LANES",
        "NoticeKind": "tickets.notice_serializers.KINDS",
        "NoticeChannel": "tickets.notice_serializers.CHANNELS",
        "NoticePace": "tickets.notice_serializers.PACES",
        "ReportPeriod": "reports.serializers.PERIODS",
        "ReportState": "reports.serializers.STATES",
    },
}

if PRODUCTION:
    logging.captureWarnings(True)  # they are lines of the log, too
    environment.check_production(globals())
