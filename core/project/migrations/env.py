"""Alembic runs this to know its connection: always the one that core/project/upgrade.py hands over."""

from alembic import context

from core.project.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transaction_per_migration=False,
)
context.run_migrations()
