"""Logging: JSON lines in production, readable lines elsewhere; values that look like secrets never get out."""

import re
from collections.abc import Mapping
from typing import Any

import structlog

SECRET_NAME = re.compile(
    r"pass(word|phrase|wd)|secret|token|api_?key|app_?key|master_?key|audit_?key|private|session_?key|cookie|"
    r"authorization|signature|pay_?sig|otp|csr_?f|credential",
    re.IGNORECASE,
)
DROPPED = "[dropped]"
# Mailed links carry their key in the path, other links carry what they know in the query.
SECRET_IN_PATH = re.compile(r"\?.*|(?<=/key/)[^/?]+|(?<=/invitations/)[^/?]+|(?<=/linked-email/)[^/?]+", re.DOTALL)


def _clean(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: DROPPED if SECRET_NAME.search(str(key)) else _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value


def drop_secrets(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Replace the values of keys that look like secrets, at any depth (docs/reliability.md, secrets and traces)."""
    cleaned: dict[str, Any] = _clean(event)
    if isinstance(cleaned.get("request"), str):
        cleaned["request"] = SECRET_IN_PATH.sub(lambda found: "" if found[0].startswith("?") else DROPPED, cleaned["request"])
    return cleaned


def shared_processors() -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        drop_secrets,
    ]


def logging_config(*, json_lines: bool, level: str) -> dict[str, Any]:
    """Return the LOGGING setting and configure structlog with the same processors."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared_processors(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderers: list[Any] = [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
    if json_lines:
        renderers = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lines": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
                "foreign_pre_chain": shared_processors(),
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django.server": {"level": "WARNING"},
            "django.request": {"level": "ERROR"},
            "celery": {"level": "WARNING"},
            "aiohttp.access": {"level": "WARNING"},
        },
    }
