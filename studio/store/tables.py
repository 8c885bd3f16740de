"""The library's tables: a row per session, per version and per critique.

A change here needs a migration beside it; `tests/store/test_schema.py` compares the two.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

metadata = MetaData()


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, stored as UTC: SQLite keeps no time zone of its own."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


sessions = Table(
    "sessions",
    metadata,
    Column("id", String(22), primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("title", Text, nullable=False),
    Column("created", UtcDateTime, nullable=False),
    Column("updated", UtcDateTime, nullable=False, index=True),
    Column("brief_text", Text, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("turn_limit", Integer, nullable=False),
    Column("mode", String(16), nullable=False),
    Column("backend_name", Text, nullable=False),
    Column("backend_revision", Text, nullable=False),
    Column("backend_device", Text, nullable=False),
    Column("backend_dtype", Text, nullable=False),
    Column("plan_text", Text),
    Column("plan_author", String(16)),
    Column("plan_seconds", Float),
    Column("head", Integer),
    Column("decision_choice", String(16)),
    Column("decision_text", Text),
    Column("decision_author", String(16)),
    Column("stop", String(32)),
    Column("problem", Text, nullable=False),
)

nodes = Table(
    "nodes",
    metadata,
    Column("session_id", ForeignKey("sessions.id"), primary_key=True),
    Column("index", Integer, primary_key=True),
    Column("parent", Integer),
    Column("picture", String(64), nullable=False),
    Column("seed", Integer, nullable=False),
    Column("edit_text", Text),
    Column("edit_author", String(16)),
    Column("edit_proposed", Text),
    Column("seconds", Float, nullable=False),
    Column("score", Float),
    ForeignKeyConstraint(["session_id", "parent"], ["nodes.session_id", "nodes.index"]),
)

reflections = Table(
    "reflections",
    metadata,
    Column("session_id", String(22), primary_key=True),
    Column("node", Integer, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("critique", Text, nullable=False),
    Column("edit", Text),
    Column("seed", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
    ForeignKeyConstraint(["session_id", "node"], ["nodes.session_id", "nodes.index"]),
)
