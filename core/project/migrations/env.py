"""Alembic's environment: migrations run on the connection that `Store.upgrade` passes in."""

from alembic import context

from core.project.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transaction_per_migration=False,
)
context.run_migrations()
