"""The first schema: sessions, nodes, reflections."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the three tables. Spelled out here, because `tables.py` will move on and this file may not."""
    _create_sessions()
    op.create_table(
        "nodes",
        sa.Column("session_id", sa.String(22), sa.ForeignKey("sessions.id"), primary_key=True),
        sa.Column("index", sa.Integer, primary_key=True),
        sa.Column("parent", sa.Integer),
        sa.Column("picture", sa.String(64), nullable=False),
        sa.Column("seed", sa.Integer, nullable=False),
        sa.Column("edit_text", sa.Text),
        sa.Column("edit_author", sa.String(16)),
        sa.Column("edit_proposed", sa.Text),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("score", sa.Float),
        sa.ForeignKeyConstraint(["session_id", "parent"], ["nodes.session_id", "nodes.index"]),
    )
    op.create_table(
        "reflections",
        sa.Column("session_id", sa.String(22), primary_key=True),
        sa.Column("node", sa.Integer, primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True),
        sa.Column("critique", sa.Text, nullable=False),
        sa.Column("edit", sa.Text),
        sa.Column("seed", sa.Integer, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.ForeignKeyConstraint(["session_id", "node"], ["nodes.session_id", "nodes.index"]),
    )


def _create_sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(22), primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
        sa.Column("updated", sa.DateTime, nullable=False),
        sa.Column("brief_text", sa.Text, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("seed", sa.Integer, nullable=False),
        sa.Column("turn_limit", sa.Integer, nullable=False),
        sa.Column("mode", sa.String(16), nullable=False),
        sa.Column("backend_name", sa.Text, nullable=False),
        sa.Column("backend_revision", sa.Text, nullable=False),
        sa.Column("backend_device", sa.Text, nullable=False),
        sa.Column("backend_dtype", sa.Text, nullable=False),
        sa.Column("plan_text", sa.Text),
        sa.Column("plan_author", sa.String(16)),
        sa.Column("plan_seconds", sa.Float),
        sa.Column("head", sa.Integer),
        sa.Column("decision_choice", sa.String(16)),
        sa.Column("decision_text", sa.Text),
        sa.Column("decision_author", sa.String(16)),
        sa.Column("stop", sa.String(32)),
        sa.Column("problem", sa.Text, nullable=False),
    )
    op.create_index("ix_sessions_updated", "sessions", ["updated"])


def downgrade() -> None:
    """Remove everything; the pictures stay where they are."""
    for table in ("reflections", "nodes", "sessions"):
        op.drop_table(table)
