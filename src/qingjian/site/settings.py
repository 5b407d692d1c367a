"""Django settings of every profile; the differences are configuration, not code."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from qingjian.contracts.folders import DataFolder
from qingjian.site.configuration import load, secret

DATA_FOLDER = DataFolder(Path(os.environ.get("QINGJIAN_DATA", "data")).resolve())
EFFECTIVE = load(DATA_FOLDER.root)
CONFIGURATION = EFFECTIVE.values
PACKAGE = Path(__file__).resolve().parent.parent

SECRET_KEY = secret(DATA_FOLDER, "django")
DEBUG = False
ALLOWED_HOSTS = (
    ["*"]
    if CONFIGURATION.profile == "embedded"
    else [urlsplit(CONFIGURATION.public_address).hostname or "localhost", "localhost", "127.0.0.1"]
)
CSRF_TRUSTED_ORIGINS = [CONFIGURATION.public_address] if CONFIGURATION.public_address else []

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "qingjian.ui",
    "qingjian.apps.records",
    "qingjian.apps.accounts",
    "qingjian.apps.scheduling",
    "qingjian.apps.rulekeeping",
    "qingjian.apps.network",
    "qingjian.apps.observing",
    "qingjian.apps.evaluation",
    "qingjian.apps.matters",
    "qingjian.apps.integrity",
    "qingjian.apps.governance",
    "qingjian.apps.reporting",
    "qingjian.desk",
    "qingjian.portal",
    "qingjian.api",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "qingjian.api.errors.JsonErrors",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "qingjian.ui.middleware.ChosenLanguage",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "qingjian.ui.middleware.ContentSecurityPolicy",
    "qingjian.ui.middleware.NoNullCharacter",
    "qingjian.apps.accounts.middleware.SignInRequired",
]

ROOT_URLCONF = "qingjian.site.urls"
ASGI_APPLICATION = "qingjian.site.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "qingjian.desk.menu.context",
            ],
            "builtins": ["django.templatetags.i18n", "qingjian.ui.templatetags.kit"],
        },
    }
]


def _sqlite(path: Path) -> dict[str, object]:
    # WAL and FULL so that a committed signature survives a power cut; IMMEDIATE because concurrent
    # read-modify-write under DEFERRED fails with "database is locked" instead of waiting.
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,  # seconds; at a small, busy machine a large write of another process takes several
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
        },
    }


def _database(address: str, file_name: str) -> dict[str, object]:
    if address == "sqlite":
        return _sqlite(DATA_FOLDER.people / file_name)
    parts = urlsplit(address)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "OPTIONS": {
            "options": "-c statement_timeout=30000 -c lock_timeout=10000",
            **dict(parse_qsl(parts.query)),
        },
    }


DATABASES = {"default": _database(CONFIGURATION.database, "people.sqlite3")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# The logins of the demo are printed for everybody, so nobody has to bring a telephone to look at it.
SECOND_FACTOR = (
    "optional"
    if CONFIGURATION.demo and EFFECTIVE.origins["second_factor"] == "default"
    else CONFIGURATION.second_factor
)
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = bool(
    CONFIGURATION.tls_certificate
) or CONFIGURATION.public_address.startswith("https")
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

LANGUAGE_CODE = CONFIGURATION.language
LANGUAGES = [("zh-hans", "中文"), ("en", "English")]
LOCALE_PATHS = [PACKAGE / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"
FORMAT_MODULE_PATH = "qingjian.ui.formats"

STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_MAX_AGE = 3600
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": DATA_FOLDER.uploads},
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 20 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024

EMAIL_HOST = CONFIGURATION.email_host
DEFAULT_FROM_EMAIL = CONFIGURATION.email_from
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": CONFIGURATION.log_level.upper()},
}
