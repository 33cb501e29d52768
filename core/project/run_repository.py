"""Training runs, their measurements, and which run each picture's prediction is from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from core.base.changes import Changes
from core.base.display_text import clean_name
from core.base.errors import ProjectError
from core.project.class_remaps import latest_remap_id
from core.project.records import BASIS_NAMES, Measurement, RunRecord, now
from core.project.run_labels import LabelTotals, RunLabels
from core.project.schema import facts, measurements, predictions, run_labels, run_tags, runs
from core.project.store import Store, inserted_id

IN_USE_FACT = "network_in_use"
"""Name of the fact in the project file that holds the id of the run whose weights predict."""
MAX_NOTE, MAX_TAG, MAX_TAGS = 2000, 60, 50
"""Letters of a note and of a tag, and tags of a run; more are cut."""
_MEASUREMENT_COLUMNS = ("run_id", "name", "class_value", "step", "seconds", "labelled_pictures", "value")
"""Columns of a measurement, in the order of the record's fields."""


class RunRepository:
    """The training runs of an open project. Used on the thread that owns its Store."""

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
        """Insert a running run. `after_move_id`: the `ClassRepository.latest_remap_id` whose class values the model
        predicts, None: the present one."""
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
        """Change columns of a run, such as device, best_miou, published, message or labelled_pictures."""
        with self._store.write_transaction() as connection:
            connection.execute(update(runs).where(runs.c.id == run_id).values(**values))
        return Changes(runs=True)

    def end(self, run_id: int, state: str, message: str | None = None) -> Changes:
        """Store how a run ended. `state`: finished, stopped or failed."""
        return self.update(run_id, state=state, ended_at=now(), message=message)

    def delete(self, run_id: int) -> Changes:
        """Forget a run that published nothing."""
        with self._store.write_transaction() as connection:
            connection.execute(delete(runs).where(runs.c.id == run_id, runs.c.published == 0))
        return Changes(runs=True)

    def close_interrupted(self) -> None:
        """Mark runs as stopped that are still called running: the program that trained them was killed."""
        with self._store.write_transaction() as connection:
            connection.execute(
                update(runs)
                .where(runs.c.state == "running")
                .values(state="stopped", message="Maskloop was closed before this run ended.")
            )

    def set_note(self, run_id: int, note: str) -> Changes:
        """The note of a person, in one line of at most MAX_NOTE letters."""
        return self.update(run_id, note=clean_name(note)[:MAX_NOTE].strip())

    def set_starred(self, run_ids: Iterable[int], starred: bool) -> Changes:
        with self._store.write_transaction() as connection:
            for run_id in run_ids:
                connection.execute(update(runs).where(runs.c.id == run_id).values(starred=int(starred)))
        return Changes(runs=True)

    def set_tags(self, run_id: int, tags: Iterable[str]) -> Changes:
        """The tags of a run in place of those that it has."""
        names = dict.fromkeys(filter(None, (clean_name(tag)[:MAX_TAG].strip() for tag in tags)))
        rows = [{"run_id": run_id, "tag": name} for name in list(names)[:MAX_TAGS]]
        with self._store.write_transaction() as connection:
            connection.execute(delete(run_tags).where(run_tags.c.run_id == run_id))
            if rows:
                connection.execute(insert(run_tags), rows)
        return Changes(runs=True)

    def set_labels(self, run_id: int, labels: RunLabels) -> Changes:
        """Store what a run learns from."""
        values = {**asdict(labels.totals), "pictures": labels.encode()}
        with self._store.write_transaction(durable=False) as connection:
            connection.execute(
                insert(run_labels)
                .values(run_id=run_id, **values)
                .on_conflict_do_update(index_elements=["run_id"], set_=values)
            )
        return Changes(runs=True)

    def labels(self, run_id: int) -> RunLabels | None:
        """What a run learned from; None for a run of an earlier version. Raises ProjectError where it is damaged."""
        query = select(run_labels.c.pictures).where(run_labels.c.run_id == run_id)
        with self._store.read_transaction() as connection:
            content = connection.execute(query).scalar()
        return None if content is None else RunLabels.decode(content)

    def label_totals(self) -> dict[int, LabelTotals]:
        """By run; those of earlier versions are not in it."""
        names = ("run_id", "train_pictures", "train_pixels", "val_pictures", "val_pixels")
        with self._store.read_transaction() as connection:
            rows = connection.execute(select(*(run_labels.c[name] for name in names)))
            return {int(row[0]): LabelTotals(*map(int, row[1:])) for row in rows}

    def check_deletable(self, run_id: int) -> RunRecord:
        """Raises ProjectError for a run whose files are still needed, or that is not there."""
        try:
            run = self.get(run_id)
        except KeyError as problem:
            raise ProjectError(f"There is no run {run_id}; the table of runs lists them.") from problem
        in_use = self.in_use()
        if in_use is not None and in_use.id == run_id:
            raise ProjectError(
                f"Run {run_id} is in use, so it was not deleted. Use the network of another run first."
            )
        if run.state == "running":
            raise ProjectError(
                f"Run {run_id} is being trained, so it was not deleted. Stop the training first."
            )
        return run

    def mark_deleted(self, run_id: int) -> Changes:
        """Its files are deleted: it stays listed, because labels, predictions and later runs may come from it."""
        self.check_deletable(run_id)
        return self.update(run_id, published=0, deleted=1)

    def get(self, run_id: int) -> RunRecord:
        """Raises KeyError for an id that is not there."""
        with self._store.read_transaction() as connection:
            row = connection.execute(select(runs).where(runs.c.id == run_id)).first()
            if row is None:
                raise KeyError(run_id)
            return _record(row, _tags(connection, run_id))

    def all(self) -> list[RunRecord]:
        """All runs, newest first."""
        with self._store.read_transaction() as connection:
            rows = connection.execute(select(runs).order_by(runs.c.id.desc()))
            tags = _tags(connection)
            return [_record(row, tags) for row in rows]

    def in_use(self) -> RunRecord | None:
        """The run whose weights predict and are trained on: the one given to `use`, where that still has weights.

        In projects of earlier versions it is the newest one with weights, as it was then.
        """
        query = select(facts.c.value).where(facts.c.name == IN_USE_FACT)
        with self._store.read_transaction() as connection:
            chosen = connection.execute(query).scalar()
            if isinstance(chosen, str) and chosen.isdecimal():
                found = select(runs).where(runs.c.id == int(chosen[:18]), runs.c.published > 0)
                row = connection.execute(found).first()
                if row is not None:
                    return _record(row, _tags(connection, row.id))
        return self.latest_published()

    def use(self, run_id: int) -> Changes:
        """Let the weights of a run predict from now on."""
        with self._store.write_transaction() as connection:
            statement = insert(facts).values(name=IN_USE_FACT, value=str(run_id))
            connection.execute(
                statement.on_conflict_do_update(index_elements=["name"], set_={"value": str(run_id)})
            )
        return Changes(runs=True)

    def choose(self, run_id: int) -> Changes:
        """As `use`, when a person asks for it: the predictions of other runs are forgotten, so that none is taken for
        one of this run, and the scores of its best evaluation are those of the network in use until they are measured
        again."""
        changes = self.use(run_id)
        outdated = predictions.c.run_id != run_id
        with self._store.write_transaction() as connection:
            ids = frozenset(connection.execute(select(predictions.c.picture_id).where(outdated)).scalars())
            connection.execute(delete(predictions).where(outdated))
        points = self.measurements(run_id)
        best = max((p for p in points if p.name == "miou"), key=lambda p: p.value, default=None)
        scores = [
            p for p in points if best and p.name in ("miou", "iou", *BASIS_NAMES) and p.step == best.step
        ]
        changes |= self.add_measurements(replace(p, name=f"in_use_{p.name}") for p in scores)
        return changes | Changes(pictures=ids, predictions=ids)

    def latest_published(self) -> RunRecord | None:
        """The newest run with weights."""
        query = select(runs).where(runs.c.published > 0).order_by(runs.c.id.desc()).limit(1)
        with self._store.read_transaction() as connection:
            row = connection.execute(query).first()
            return _record(row, _tags(connection, row.id)) if row else None

    def add_measurements(self, points: Iterable[Measurement]) -> Changes:
        """Store points of the training curves."""
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
        """Points of one run, or of all runs, in the order in which they were measured."""
        query = select(*(measurements.c[name] for name in _MEASUREMENT_COLUMNS)).order_by(measurements.c.id)
        if run_id is not None:
            query = query.where(measurements.c.run_id == run_id)
        with self._store.read_transaction() as connection:
            return [Measurement(*row) for row in connection.execute(query)]

    def best_by_labels(self) -> dict[int, list[tuple[int | None, int, float]]]:
        """By run, for each number of labelled pictures: (class value as the run has it, number, best IoU on the
        validation pictures); without a class value the mean."""
        points = measurements.c
        query = (
            select(points.run_id, points.class_value, points.labelled_pictures, func.max(points.value))
            .where(points.name.in_(("miou", "iou")), points.value.between(0, 1))
            .group_by(points.run_id, points.class_value, points.labelled_pictures)
        )
        found: dict[int, list[tuple[int | None, int, float]]] = defaultdict(list)
        with self._store.read_transaction() as connection:
            for run_id, value, count, best in connection.execute(query):
                found[run_id].append((value, int(count), float(best)))
        return dict(found)

    def training_seconds(self, run_ids: Collection[int]) -> dict[int, float]:
        """Of those runs that have measurements, by run."""
        points = measurements.c
        query = (
            select(points.run_id, func.max(points.seconds))
            .where(points.run_id.in_(run_ids))
            .group_by(points.run_id)
        )
        with self._store.read_transaction() as connection:
            return {int(run): float(seconds) for run, seconds in connection.execute(query)}

    def kept_scores(self, run_ids: Collection[int], names: Collection[str]) -> dict[int, list[Measurement]]:
        """Measurements of these names when the last checkpoint of a run was published, so of the weights that it kept.

        By run; those without any are not in it. Runs of earlier versions have not stored their checkpoints: of them the
        evaluation with the highest mean IoU.
        """
        points = measurements.c
        last = (
            select(points.run_id, func.max(points.step).label("step"))
            .where(points.run_id.in_(run_ids), points.name == "checkpoint")
            .group_by(points.run_id)
        )
        best = (  # SQLite takes the step from the row with the highest value
            select(points.run_id, points.step, func.max(points.value))
            .where(points.run_id.in_(run_ids), points.name == "miou")
            .group_by(points.run_id)
        )
        with self._store.read_transaction() as connection:
            steps = {int(run): int(step) for run, step, _ in connection.execute(best)}
            steps.update({int(run): int(step) for run, step in connection.execute(last)})
            query = (
                select(*(points[name] for name in _MEASUREMENT_COLUMNS))
                .where(points.run_id.in_(steps), points.name.in_(names))
                .order_by(points.id)
            )
            found: dict[int, list[Measurement]] = defaultdict(list)
            for row in connection.execute(query):
                if row.step == steps[row.run_id]:
                    found[row.run_id].append(Measurement(*row))
        return dict(found)

    def measurements_after(self, last_id: int, limit: int = 4000) -> tuple[int, list[Measurement]]:
        """At most `limit` points with an id above `last_id` (0: from the start), in order, and the id of the last
        one."""
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
        """Store that a picture has a new prediction; its pixels are already in the cache."""
        values = {"run_id": run_id, "made_at": now(), "mean_confidence": mean_confidence}
        with self._store.write_transaction(durable=False) as connection:
            connection.execute(
                insert(predictions)
                .values(picture_id=picture_id, **values)
                .on_conflict_do_update(index_elements=["picture_id"], set_=values)
            )
        ids = frozenset([picture_id])
        return Changes(pictures=ids, predictions=ids)

    def forget_prediction(self, picture_id: int, run_id: int) -> Changes:
        """The prediction of a picture is of run `run_id` now, which is not in use any more: no other run has one."""
        with self._store.write_transaction(durable=False) as connection:
            gone = connection.execute(
                delete(predictions).where(
                    predictions.c.picture_id == picture_id, predictions.c.run_id != run_id
                )
            )
        ids = frozenset([picture_id] if gone.rowcount else ())
        return Changes(pictures=ids, predictions=ids)

    def prediction_runs(self) -> dict[int, int]:
        """The run of each picture's newest prediction, by picture id."""
        with self._store.read_transaction() as connection:
            rows = connection.execute(select(predictions.c.picture_id, predictions.c.run_id))
            return {int(picture_id): int(run_id) for picture_id, run_id in rows}

    def predicted_since(self, run_id: int, since: str) -> set[int]:
        """Pictures whose prediction is of this run and was made at `since` (a `records.timestamp`) or later."""
        query = select(predictions.c.picture_id).where(
            predictions.c.run_id == run_id, predictions.c.made_at >= since
        )
        with self._store.read_transaction() as connection:
            return {int(picture_id) for picture_id in connection.execute(query).scalars()}


def _record(row: Row[Any], tags: dict[int, tuple[str, ...]]) -> RunRecord:
    columns = dict(row._mapping)
    starred, deleted = bool(columns.pop("starred")), bool(columns.pop("deleted"))
    return RunRecord(**columns, is_starred=starred, is_deleted=deleted, tags=tags.get(row.id, ()))


def _tags(connection: Connection, run_id: int | None = None) -> dict[int, tuple[str, ...]]:
    """The tags of a run, or of all, in the order of the alphabet."""
    query = select(run_tags.c.run_id, run_tags.c.tag).order_by(run_tags.c.tag)
    found: dict[int, list[str]] = defaultdict(list)
    for number, tag in connection.execute(
        query if run_id is None else query.where(run_tags.c.run_id == run_id)
    ):
        found[number].append(tag)
    return {number: tuple(tags) for number, tags in found.items()}
