"""Settings: every value that differs between installations comes from the environment (see README)."""

import sys
from pathlib import Path
from urllib.parse import urlsplit

# Tasks declared with shared_task belong to this app in every process that imports Django's settings. Not in carteira/__init__.py,
# where the supervisor and the keeper of the servers, which send none, would load Celery before anything else can begin.
import carteira.celery  # noqa: F401
from carteira.env import boolean, database, env, one_of, words

BASE_DIR = Path(__file__).resolve().parent.parent

DEBUG = env("DEBUG", "false", cast=boolean)
SECRET_KEY = env("SECRET_KEY")
SECRET_KEY_FALLBACKS = env("SECRET_KEY_FALLBACKS", "", cast=words)
PUBLIC_URL = env("PUBLIC_URL", "http://localhost:8000")
HTTPS = urlsplit(PUBLIC_URL).scheme == "https"
ALLOWED_HOSTS = [urlsplit(PUBLIC_URL).hostname or "localhost", "localhost", "127.0.0.1", "[::1]", *env("ALLOWED_HOSTS", "", cast=words)]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if HTTPS else []
MAP_TILE_URL = env("MAP_TILE_URL", "")
DATA_DIR = Path(env("CARTEIRA_DATA", str(BASE_DIR / ".carteira")))

INSTALLED_APPS = [
    "accounts",
    "clients",
    "portfolio",
    "rotation",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "rest_framework",
    "csp",
]
AUTH_USER_MODEL = "accounts.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

MIDDLEWARE = [
    "accounts.request_id.RequestIdMiddleware",
    "accounts.access_log.AccessLogMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "accounts.input_guard.InputGuardMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "accounts.middleware.SessionAgeMiddleware",
    "accounts.offline.OfflineMiddleware",
    "accounts.tenancy.middleware.TenantMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "accounts.middleware.PreferencesMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "carteira.urls"
WSGI_APPLICATION = "carteira.wsgi.application"
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
                "accounts.shell.shell",
            ],
            "builtins": ["django.templatetags.i18n", "django.templatetags.static"],
        },
    }
]

# Two roles: the application's, which row security binds, and the owner's, for migrations only.
_app = env("DATABASE_URL", cast=database)
_owner = env("DATABASE_OWNER_URL", cast=database)
DATABASES = {
    "default": {**_app, "ATOMIC_REQUESTS": True, "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True, "DISABLE_SERVER_SIDE_CURSORS": True},
    # row_security=off: a migration's query that a policy would thin out fails instead.
    "owner": {**_owner, "OPTIONS": {**_owner["OPTIONS"], "options": "-c row_security=off -c lock_timeout=5s"}},
}
REDIS_URL = env("REDIS_URL")

SESSION_ENGINE = "accounts.sessions"
SESSION_COOKIE_AGE = 7 * 24 * 3600  # the longest a session may last; accounts/sessions.py ends most of them sooner
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "session"
CSRF_FAILURE_VIEW = "accounts.views.errors.csrf_failure"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrf"
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if env("TRUSTED_PROXY", "false", cast=boolean):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:", "blob:", *([f"https://{urlsplit(MAP_TILE_URL).hostname}"] if MAP_TILE_URL else [])],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "worker-src": ["'self'"],
        "manifest-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000

PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "accounts.passwords.MaximumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"  # people come in by invitation, which proves the address
ACCOUNT_RATE_LIMITS = False  # accounts.throttle counts atomically, and still counts when Redis is gone
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600  # as accounts.step_up
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # answers do not tell whether an account exists
MFA_ADAPTER = "accounts.adapter.MFAAdapter"
MFA_FORMS = {"authenticate": "accounts.forms.AuthenticateForm", "reauthenticate": "accounts.forms.ReauthenticateForm"}
MFA_ALLOW_UNVERIFIED_EMAIL = True  # the invitation proved it
MFA_TOTP_TOLERANCE = 1  # a phone's clock may be half a minute off; a code still works only once
# Without HTTPS a browser offers passkeys to localhost only, whose origin the library would refuse.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Carteira"
LOGIN_REDIRECT_URL = "/"
LOGIN_URL = "/accounts/login/"

LANGUAGE_CODE = "pt-br"
LANGUAGES = [("pt-br", "Português (Brasil)"), ("es", "Español"), ("en", "English")]  # each in its own words
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG or env("STATIC_PLAIN", "false", cast=boolean)
        else "carteira.staticfiles.StaticFilesStorage"
    },
}
MEDIA_ROOT = DATA_DIR / "files"
EMAIL_HOST = env("EMAIL_HOST", "")
EMAIL_PORT = env("EMAIL_PORT", "587", cast=int)
EMAIL_HOST_USER = env("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env("EMAIL_USE_TLS", "true", cast=boolean)
EMAIL_TIMEOUT = 10
# Without a server named, mail is written to the output of whoever sends it: enough to try a password reset.
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'console'}.EmailBackend"
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", "carteira@localhost")

# What beat sends, and how often: seconds between two, or the time of day in UTC (see carteira/celery.py).
BEAT: dict[str, float | str] = {
    "clients.tasks.refresh_windows": 3600,
    "clients.tasks.sweep_imports": 60,
    "clients.tasks.erase_import_files": "04:40",
    "rotation.tasks.score_due": 300,
    "rotation.tasks.start_due_runs": 600,
    "rotation.tasks.sweep": 60,
    "rotation.tasks.start_due_handovers": 900,
    "rotation.tasks.measure_outcomes": 3600,
    "rotation.tasks.watch_rules": 600,
    "rotation.tasks.run_campaigns": 600,
    "accounts.tasks.relay_outbox": 5,
    "accounts.tasks.sweep_exports": 60,
    "accounts.tasks.seal_audit": "03:10",
    "portfolio.tasks.ask_for_renewals": "07:40",
    "portfolio.tasks.send_reports": 60,
    "portfolio.tasks.plan_visits": "07:20",  # before dawn in Brazil
    "accounts.tasks.purge": "04:10",
    "clients.tasks.erase_custom_values": "04:20",
    "portfolio.tasks.purge_photos": "04:30",
    "portfolio.tasks.keep_figures": 600,
    "portfolio.tasks.keep_present": 20,
}

LOG_FORMAT = env("LOG_FORMAT", "text" if sys.stderr.isatty() else "json", cast=one_of("json", "text"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"no_routine": {"()": "carteira.logs.NoRoutine"}},
    "formatters": {"json": {"()": "carteira.logs.JsonFormatter"}, "text": {"()": "carteira.logs.TextFormatter", "texts": DEBUG}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["no_routine"] if LOG_FORMAT == "text" else []}
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        # Ours speak also where LOG_LEVEL asks Celery to be quiet: the seals' hashes are among what they say.
        **{name: {"level": "INFO"} for name in ("accounts", "clients", "portfolio", "rotation", "carteira")},
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        # A refusal is in the request's own line, and this one would name its path.
        "django.request": {"level": "ERROR"},
        "django.security.csrf": {"level": "ERROR"},
        "django.server": {"handlers": [], "level": "CRITICAL", "propagate": True},
        "gunicorn.error": {"handlers": [], "level": "INFO", "propagate": True},
    },
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
}
