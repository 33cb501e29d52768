"""The drawer of learning: runs, what was measured, and which predictions there are."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select, update
from sqlalchemy.dialects.sqlite import insert

from core.base.changes import Changes
from core.project.class_remaps import latest_remap_id
from core.project.records import Measurement, RunRecord, now
from core.project.schema import measurements, predictions, runs
from core.project.store import Store, inserted_id

_MEASUREMENT_COLUMNS = ("run_id", "name", "class_value", "step", "seconds", "labelled_pictures", "value")
"""Columns of a measurement, in the order of the record's fields."""


class RunRepository:
    """Runs of one open project. Lives where its Store lives."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def start(
        self,
        model: str,
        recipe: str,
        base_run_id: int | None,
        labelled_pictures: int,
        after_move_id: int | None = None,
    ) -> RunRecord:
        """Note that a training begins. `after_move_id`: the moment (`ClassRepository.latest_remap_id`) whose classes the model
        means, None: those of now."""
        with self._store.write_transaction() as connection:
            run_id = inserted_id(
                connection.execute(
                    insert(runs).values(
                        state="running",
                        started_at=now(),
                        model=model,
                        recipe=recipe,
                        base_run_id=base_run_id,
                        labelled_pictures=labelled_pictures,
                        after_move_id=latest_remap_id(connection) if after_move_id is None else after_move_id,
                    )
                )
            )
        return self.get(run_id)

    def update(self, run_id: int, **values: object) -> Changes:
        """Change columns of a run: device, best_miou, published, message, labelled_pictures."""
        with self._store.write_transaction() as connection:
            connection.execute(update(runs).where(runs.c.id == run_id).values(**values))
        return Changes(runs=True)

    def end(self, run_id: int, state: str, message: str | None = None) -> Changes:
        """Note how a training ended: finished, stopped or failed."""
        return self.update(run_id, state=state, ended_at=now(), message=message)

    def close_interrupted(self) -> None:
        """Runs still called running belong to a program that was killed."""
        with self._store.write_transaction() as connection:
            connection.execute(
                update(runs)
                .where(runs.c.state == "running")
                .values(state="stopped", message="Maskloop was closed before this run ended.")
            )

    def get(self, run_id: int) -> RunRecord:
        """Raises KeyError for an id that is not there."""
        with self._store.read_transaction() as connection:
            row = connection.execute(select(runs).where(runs.c.id == run_id)).first()
        if row is None:
            raise KeyError(run_id)
        return RunRecord(**row._mapping)

    def all(self) -> list[RunRecord]:
        """All runs, newest first."""
        with self._store.read_transaction() as connection:
            rows = connection.execute(select(runs).order_by(runs.c.id.desc()))
            return [RunRecord(**row._mapping) for row in rows]

    def latest_published(self) -> RunRecord | None:
        """The run whose weights predict: the newest one that published any."""
        query = select(runs).where(runs.c.published > 0).order_by(runs.c.id.desc()).limit(1)
        with self._store.read_transaction() as connection:
            row = connection.execute(query).first()
        return RunRecord(**row._mapping) if row else None

    def add_measurements(self, points: Iterable[Measurement]) -> Changes:
        """Store points of the charts."""
        rows = [
            {
                "run_id": p.run_id,
                "name": p.name,
                "class_value": p.class_value,
                "step": p.step,
                "seconds": p.seconds,
                "labelled_pictures": p.labelled_pictures,
                "value": p.value,
            }
            for p in points
        ]
        if rows:
            with self._store.write_transaction(durable=False) as connection:
                connection.execute(insert(measurements), rows)
        return Changes(measurements=bool(rows))

    def measurements(self, run_id: int | None = None) -> list[Measurement]:
        """Points of one run, or of all, in the order in which they were measured."""
        query = select(*(measurements.c[name] for name in _MEASUREMENT_COLUMNS)).order_by(measurements.c.id)
        if run_id is not None:
            query = query.where(measurements.c.run_id == run_id)
        with self._store.read_transaction() as connection:
            return [Measurement(*row) for row in connection.execute(query)]

    def measurements_after(self, last_id: int, limit: int = 4000) -> tuple[int, list[Measurement]]:
        """The first points measured since the one with this id (0: the very first), in order, and the id of the last
        of them."""
        query = (
            select(measurements.c.id, *(measurements.c[name] for name in _MEASUREMENT_COLUMNS))
            .where(measurements.c.id > last_id)
            .order_by(measurements.c.id)
            .limit(limit)
        )
        with self._store.read_transaction() as connection:
            rows = connection.execute(query).all()
        return (rows[-1][0] if rows else last_id), [Measurement(*row[1:]) for row in rows]

    def record_prediction(self, picture_id: int, run_id: int, mean_confidence: float) -> Changes:
        """Note a new prediction; its pixels are already in the cache."""
        values = {"run_id": run_id, "made_at": now(), "mean_confidence": mean_confidence}
        with self._store.write_transaction(durable=False) as connection:
            connection.execute(
                insert(predictions)
                .values(picture_id=picture_id, **values)
                .on_conflict_do_update(index_elements=["picture_id"], set_=values)
            )
        ids = frozenset([picture_id])
        return Changes(pictures=ids, predictions=ids)

    def prediction_runs(self) -> dict[int, int]:
        """Which run each picture's newest prediction is from."""
        with self._store.read_transaction() as connection:
            rows = connection.execute(select(predictions.c.picture_id, predictions.c.run_id))
            return {int(picture_id): int(run_id) for picture_id, run_id in rows}

    def predicted_since(self, run_id: int, since: str) -> set[int]:
        """Pictures whose prediction is of this run and was made at that moment (`records.stamp`) or later."""
        query = select(predictions.c.picture_id).where(
            predictions.c.run_id == run_id, predictions.c.made_at >= since
        )
        with self._store.read_transaction() as connection:
            return {int(picture_id) for picture_id in connection.execute(query).scalars()}
