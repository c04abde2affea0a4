"""Settings: one flat list, read from the environment, loud on error.

`make` keeps what a machine needs (secret key, passphrase, database) in `.local/env`, a file of `NAME=value` lines with mode 0600;
the process environment wins over it. Nothing secret has a default.
"""

import os
from datetime import timedelta
from pathlib import Path
from typing import cast

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.utils.csp import CSP

BASE_DIR = Path(__file__).resolve().parent.parent
STATE_DIR = Path(os.environ.get("STATE_DIR", BASE_DIR / ".local"))


def _file_defaults() -> dict[str, str]:
    path = Path(os.environ.get("ENV_FILE", STATE_DIR / "env"))
    if not path.exists():
        return {}
    lines = (line.strip() for line in path.read_text().splitlines())
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#") and "=" in line)


_DEFAULTS = _file_defaults()


def env_str(name: str, default: str | None = None) -> str:
    value = os.environ.get(name, _DEFAULTS.get(name, default))
    if value is None:
        raise ImproperlyConfigured(f"set {name} in the environment or in {STATE_DIR / 'env'} (`make setup` writes one)")
    return value


def env_bool(name: str, default: bool) -> bool:
    value = env_str(name, "yes" if default else "no").lower()
    if value not in {"yes", "no"}:
        raise ImproperlyConfigured(f"{name} is {value!r}: write yes or no")
    return value == "yes"


def env_int(name: str, default: int) -> int:
    value = env_str(name, str(default))
    try:
        return int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {value!r}: write a whole number") from None


def env_list(name: str, default: str = "") -> list[str]:
    return [item.strip() for item in env_str(name, default).split(",") if item.strip()]


SECRET_KEY = env_str("SECRET_KEY")
DEBUG = env_bool("DEBUG", False)
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", "localhost,127.0.0.1")
SITE_URL = env_str("SITE_URL", "http://127.0.0.1:8000").rstrip("/")

INSTALLED_APPS = [
    "unfold",
    "governance.access",
    "django.contrib.admin",
    "django.contrib.humanize",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "guardian",
    "axes",
    "pgtrigger",
    "lineage",
    "lineage.journal",
    "consent",
    "governance.publishing",
    "governance.parties",
    "governance.contracts",
    "governance.catalogue",
    "governance.obligations",
    "governance.releases",
    "governance.building",
    "governance.deletions",
    "governance.reports",
    "governance.reactions",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "governance.access.csp.AdminPolicy",
    "governance.access.addresses.PlainAddress",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "governance.urls"
WSGI_APPLICATION = "governance.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "access.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "governance.access.backends.RoleBackend",
    "guardian.backends.ObjectPermissionBackend",
]
ANONYMOUS_USER_NAME = None
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "after-login"
LOGOUT_REDIRECT_URL = "login"

# Five wrong passwords for an account from one address close it there for a while; a success forgets them.
AXES_FAILURE_LIMIT = env_int("LOGIN_FAILURE_LIMIT", 5)
AXES_COOLOFF_TIME = timedelta(minutes=env_int("LOGIN_COOLOFF_MINUTES", 30))
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "access/locked.html"
AXES_VERBOSE = False

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
            ],
        },
    },
]


def _database() -> dict[str, object]:
    url = os.environ.get("DATABASE_URL", _DEFAULTS.get("DATABASE_URL", ""))
    if not url:
        from governance import localdb

        folder = env_str("LOCALDB_DIR", str(STATE_DIR / "postgres"))
        url = localdb.url(
            folder, role=env_str("DATABASE_ROLE", "owner"), database=env_str("DATABASE_NAME", "governance")
        )
    found = dict(dj_database_url.parse(url, conn_max_age=60, conn_health_checks=True))
    # What every request asks is prepared once per connection. A pooler that gives each transaction another connection may not know it there.
    prepares = {} if env_bool("DATABASE_POOLED", False) else {"prepare_threshold": 1}
    return found | {"OPTIONS": {**prepares, **cast(dict[str, object], found.get("OPTIONS") or {})}}


DATABASES = {"default": _database()}
APP_ROLE = env_str("APP_ROLE", "governance_app")

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = STATE_DIR / "static"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "governance.access.authentication.ServiceKeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["governance.access.permissions.Scoped"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["governance.access.parsers.JSON"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "governance.problems.handler",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Contract and consent policy engine",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "PartyKind": "governance.parties.models.Party.Kind",
        "DocumentKind": "governance.contracts.models.Document.Kind",
        "ClauseKind": "governance.contracts.models.Clause.Kind",
        "EndGround": "governance.contracts.models.DocumentEnd.Ground",
    },
}

# Lineage (LINEAGE.md): clock skew widens every comparison towards "may have seen"; seconds.
LINEAGE_SKEW_SECONDS = env_int("LINEAGE_SKEW_SECONDS", 5)
LINEAGE_ASSUMED_RUN_SECONDS = env_int("LINEAGE_ASSUMED_RUN_SECONDS", 3600)
LINEAGE_MAX_EVENT_BYTES = env_int("LINEAGE_MAX_EVENT_BYTES", 5_000_000)
LINEAGE_MAX_BATCH_BYTES = env_int("LINEAGE_MAX_BATCH_BYTES", 50_000_000)
# Globs over OpenLineage producers whose narrowing claims (DROP, TRUNCATE, RENAME, views, empty inputs) are believed; empty: dbt,
# Spark (but its OVERWRITE), Snowflake, Trino. After a change of any of these four run `manage.py rederive_lineage`.
LINEAGE_TRUSTED_PRODUCERS = env_list("LINEAGE_TRUSTED_PRODUCERS")
DATA_UPLOAD_MAX_MEMORY_SIZE = 12_000_000

# The ledger's name in its checkpoints (C2SP origin line), and where its keys lie.
LEDGER_ORIGIN = env_str("LEDGER_ORIGIN", "governance.example/ledger")
KEYSTORE_DIR = Path(env_str("KEYSTORE_DIR", str(STATE_DIR / "keys")))
KEYSTORE_PASSPHRASE = env_str("KEYSTORE_PASSPHRASE")
CHECKPOINT_COPY_DIR = Path(env_str("CHECKPOINT_COPY_DIR", str(STATE_DIR / "checkpoints")))

# Who gives entries their index: `inline`, whoever recorded them, after each commit; `background`, `manage.py sequence --loop`. Where
# that is not seen to work for so many seconds, whoever records an entry does it inline.
SEQUENCER = env_str("SEQUENCER", "inline")
if SEQUENCER not in {"inline", "background"}:
    raise ImproperlyConfigured(f"SEQUENCER is {SEQUENCER!r}: write inline or background")
SEQUENCER_PATIENCE_SECONDS = env_int("SEQUENCER_PATIENCE_SECONDS", 5)

# Where the governed data lies: a JSON file, OpenLineage namespace -> {"builder": dsn, "executor": dsn, "checker": dsn}.
DATA_PLANES_FILE = env_str("DATA_PLANES_FILE", "")

# What `manage.py verify` runs beside the ledger's own checks.
VERIFY_CHECKS = [
    "governance.releases.verifying.check_decisions",
    "governance.releases.verifying.check_permits",
    "governance.deletions.checks.check_certificates",
    "governance.reports.checks.check_reports",
    "governance.reports.checks.check_corrections",
]

# How many questions each worker keeps facts and answers of; they are used only while nothing that they rest on has changed.
DECISIONS_KEPT = env_int("DECISIONS_KEPT", 200)
PERMIT_HOURS = env_int("PERMIT_HOURS", 24)
STANDING_PERMIT_DAYS = env_int(
    "STANDING_PERMIT_DAYS", 30
)  # of a scheduled job, whose runs are decided anew; 90 at most
ALLOW_LIST_MAX_AGE_HOURS = env_int("ALLOW_LIST_MAX_AGE_HOURS", 24)

# Errors go to standard error, where whoever runs the process collects them; without this a 500 leaves no trace.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env_str("LOG_LEVEL", "WARNING")},
}

SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
BEHIND_TLS = env_bool("BEHIND_TLS", False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = BEHIND_TLS
SECURE_HSTS_SECONDS = 31_536_000 if BEHIND_TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = BEHIND_TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_TLS else None
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS")

# Strict for every page of our own. The admin's theme needs inline styles and scripts, and Alpine's `eval`: for /admin/ alone.
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
}
SECURE_CSP_ADMIN = SECURE_CSP | {
    "script-src": [CSP.SELF, CSP.UNSAFE_INLINE, CSP.UNSAFE_EVAL],
    "style-src": [CSP.SELF, CSP.UNSAFE_INLINE],
}

UNFOLD = {
    "SITE_TITLE": "Contract and consent policy engine",
    "SITE_HEADER": "Contracts & consent",
    "SITE_SUBHEADER": "Whose data may be used, and why",
    "SITE_SYMBOL": "gavel",
    "SITE_URL": None,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("access/icon.svg")}],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "BORDER_RADIUS": "6px",
    "DASHBOARD_CALLBACK": "governance.home.dashboard",
    "STYLES": [lambda request: static("access/admin.css")],
    "COLORS": {
        "primary": {
            "50": "oklch(97% .013 237)",
            "100": "oklch(94% .027 237)",
            "200": "oklch(89% .054 236)",
            "300": "oklch(82% .095 235)",
            "400": "oklch(73% .13 237)",
            "500": "oklch(62% .14 241)",
            "600": "oklch(52% .13 244)",
            "700": "oklch(45% .115 245)",
            "800": "oklch(39% .095 245)",
            "900": "oklch(34% .078 246)",
            "950": "oklch(26% .06 247)",
        },
    },
    "SIDEBAR": {"show_search": True, "navigation": "governance.access.navigation.sidebar"},
    "COMMAND": {
        "search_models": ["parties.customer", "parties.party", "contracts.contractfamily", "contracts.document"]
    },
    "LOGIN": {"form": None},
}
