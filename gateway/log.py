"""Logs: one JSON object a line, without secrets."""

import logging
import re
from typing import TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

_SECRET_NAMES = re.compile(r"token|secret|password|authorization|body", re.IGNORECASE)
_SECRET_TEXTS = re.compile(r"eyJ[\w-]+\.[\w-]*\.[\w-]*|(?<=://)[^/\s@]*:[^/\s@]*(?=@)|(?<=Bearer )\S+|(?<=token=)\S+")
_HIDDEN = "[hidden]"


def hide_secrets(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replace what is called a secret, and what looks like a token or a URL's password."""
    for name, value in event.items():
        if _SECRET_NAMES.search(name):
            event[name] = _HIDDEN
        elif isinstance(value, str):
            event[name] = _SECRET_TEXTS.sub(_HIDDEN, value)
    return event


def configure(stream: TextIO) -> None:
    """Log to ``stream`` from now on, what libraries log included."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.format_exc_info,
        hide_secrets,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
