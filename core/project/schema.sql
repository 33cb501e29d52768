-- 0008
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

CREATE TABLE facts (
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_facts PRIMARY KEY (name)
);

CREATE TABLE pictures (
	id INTEGER NOT NULL, 
	path TEXT NOT NULL, 
	width INTEGER, 
	height INTEGER, 
	status TEXT DEFAULT 'new' NOT NULL, 
	split TEXT, 
	problem TEXT, note TEXT DEFAULT '' NOT NULL, digest TEXT, file_bytes INTEGER, file_modified INTEGER, new_digest TEXT, joined_to INTEGER, 
	CONSTRAINT pk_pictures PRIMARY KEY (id), 
	CONSTRAINT ck_pictures_split CHECK (split IN ('train', 'val', 'test')), 
	CONSTRAINT ck_pictures_status CHECK (status IN ('new', 'in progress', 'done', 'to review', 'skipped')), 
	CONSTRAINT uq_pictures_path UNIQUE (path)
);

CREATE TABLE runs (
	id INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	started_at TEXT NOT NULL, 
	ended_at TEXT, 
	device TEXT, 
	model TEXT NOT NULL, 
	recipe TEXT NOT NULL, 
	base_run_id INTEGER, 
	labelled_pictures INTEGER NOT NULL, 
	best_miou FLOAT, 
	published INTEGER DEFAULT '0' NOT NULL, 
	message TEXT, after_move_id INTEGER DEFAULT '0' NOT NULL, note TEXT DEFAULT '' NOT NULL, starred INTEGER DEFAULT '0' NOT NULL, deleted INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_runs PRIMARY KEY (id), 
	CONSTRAINT ck_runs_state CHECK (state IN ('running', 'finished', 'stopped', 'failed')), 
	CONSTRAINT fk_runs_base_run_id FOREIGN KEY(base_run_id) REFERENCES runs (id)
);

CREATE TABLE class_pixels (
	picture_id INTEGER NOT NULL, 
	class_value INTEGER NOT NULL, 
	pixels INTEGER NOT NULL, 
	CONSTRAINT pk_class_pixels PRIMARY KEY (picture_id, class_value), 
	CONSTRAINT fk_class_pixels_picture_id FOREIGN KEY(picture_id) REFERENCES pictures (id) ON DELETE CASCADE
);

CREATE TABLE measurements (
	id INTEGER NOT NULL, 
	run_id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	class_value INTEGER, 
	step INTEGER NOT NULL, 
	seconds FLOAT NOT NULL, 
	labelled_pictures INTEGER NOT NULL, 
	value FLOAT NOT NULL, 
	CONSTRAINT pk_measurements PRIMARY KEY (id), 
	CONSTRAINT fk_measurements_run_id FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);

CREATE INDEX ix_measurements_run_id ON measurements (run_id);

CREATE TABLE origins (
	id INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	run_id INTEGER, 
	CONSTRAINT pk_origins PRIMARY KEY (id), 
	CONSTRAINT ck_origins_kind CHECK (kind IN ('painted', 'imported', 'accepted')), 
	CONSTRAINT fk_origins_run_id FOREIGN KEY(run_id) REFERENCES runs (id), 
	CONSTRAINT uq_origins_kind_run_id UNIQUE (kind, run_id)
);

CREATE TABLE predictions (
	picture_id INTEGER NOT NULL, 
	run_id INTEGER NOT NULL, 
	made_at TEXT NOT NULL, 
	mean_confidence FLOAT NOT NULL, 
	CONSTRAINT pk_predictions PRIMARY KEY (picture_id), 
	CONSTRAINT fk_predictions_picture_id FOREIGN KEY(picture_id) REFERENCES pictures (id) ON DELETE CASCADE, 
	CONSTRAINT fk_predictions_run_id FOREIGN KEY(run_id) REFERENCES runs (id)
);

CREATE TABLE tiles (
	picture_id INTEGER NOT NULL, 
	tile_column INTEGER NOT NULL, 
	tile_row INTEGER NOT NULL, 
	pixels BLOB NOT NULL, 
	origins BLOB NOT NULL, 
	CONSTRAINT pk_tiles PRIMARY KEY (picture_id, tile_column, tile_row), 
	CONSTRAINT fk_tiles_picture_id FOREIGN KEY(picture_id) REFERENCES pictures (id) ON DELETE CASCADE
);

CREATE TABLE picture_tags (
	picture_id INTEGER NOT NULL, 
	tag TEXT NOT NULL, 
	CONSTRAINT pk_picture_tags PRIMARY KEY (picture_id, tag), 
	CONSTRAINT fk_picture_tags_picture_id FOREIGN KEY(picture_id) REFERENCES pictures (id) ON DELETE CASCADE
);

CREATE INDEX ix_picture_tags_tag ON picture_tags (tag);

CREATE TABLE "edits" (
	id INTEGER NOT NULL, 
	picture_id INTEGER, 
	name TEXT NOT NULL, 
	tool TEXT NOT NULL, 
	class_value INTEGER NOT NULL, 
	x0 INTEGER NOT NULL, 
	y0 INTEGER NOT NULL, 
	x1 INTEGER NOT NULL, 
	y1 INTEGER NOT NULL, 
	pixels INTEGER NOT NULL, 
	seconds FLOAT NOT NULL, 
	origin_id INTEGER NOT NULL, 
	made_at TEXT NOT NULL, 
	undone INTEGER DEFAULT '0' NOT NULL, 
	thinned INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_edits PRIMARY KEY (id), 
	CONSTRAINT fk_edits_picture_id FOREIGN KEY(picture_id) REFERENCES pictures (id) ON DELETE CASCADE, 
	CONSTRAINT fk_edits_origin_id FOREIGN KEY(origin_id) REFERENCES origins (id)
);

CREATE INDEX ix_edits_picture_id_undone_id ON edits (picture_id, undone, id);

CREATE TABLE edit_tiles (
	edit_id INTEGER NOT NULL, 
	picture_id INTEGER NOT NULL, 
	tile_column INTEGER NOT NULL, 
	tile_row INTEGER NOT NULL, 
	pixels BLOB NOT NULL, 
	origins BLOB NOT NULL, 
	CONSTRAINT pk_edit_tiles PRIMARY KEY (edit_id, picture_id, tile_column, tile_row), 
	CONSTRAINT fk_edit_tiles_edit_id FOREIGN KEY(edit_id) REFERENCES edits (id) ON DELETE CASCADE, 
	CONSTRAINT fk_edit_tiles_picture_id FOREIGN KEY(picture_id) REFERENCES pictures (id) ON DELETE CASCADE
);

CREATE TABLE edit_rows (
	edit_id INTEGER NOT NULL, 
	table_name TEXT NOT NULL, 
	row_key TEXT NOT NULL, 
	content TEXT, 
	CONSTRAINT pk_edit_rows PRIMARY KEY (edit_id, table_name, row_key), 
	CONSTRAINT fk_edit_rows_edit_id FOREIGN KEY(edit_id) REFERENCES edits (id) ON DELETE CASCADE
);

CREATE VIEW edits_by_day AS 
        SELECT date(made_at) AS day, COUNT(*) AS edits, SUM(pixels) AS pixels, ROUND(SUM(seconds), 1) AS seconds
        FROM edits WHERE undone = 0 GROUP BY day ORDER BY day;

CREATE VIEW effort_by_picture AS 
        SELECT p.path, COUNT(*) AS edits, SUM(e.pixels) AS pixels, ROUND(SUM(e.seconds), 1) AS seconds
        FROM edits e JOIN pictures p ON p.id = e.picture_id WHERE e.undone = 0
        GROUP BY p.id ORDER BY seconds DESC;

CREATE VIEW scores_by_run AS 
        SELECT r.id AS run, r.state, r.labelled_pictures, ROUND(r.best_miou, 4) AS best_miou,
               ROUND(MAX(m.seconds), 1) AS seconds
        FROM runs r LEFT JOIN measurements m ON m.run_id = r.id GROUP BY r.id ORDER BY r.id;

CREATE TABLE class_moves (
	id INTEGER NOT NULL, 
	edit_id INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	old_value INTEGER NOT NULL, 
	new_value INTEGER NOT NULL, 
	takes_back INTEGER, 
	CONSTRAINT pk_class_moves PRIMARY KEY (id), 
	CONSTRAINT fk_class_moves_takes_back FOREIGN KEY(takes_back) REFERENCES class_moves (id), 
	CONSTRAINT ck_class_moves_ck_class_moves_kind CHECK (kind IN ('merge', 'delete', 'value', 'split'))
);

CREATE INDEX ix_class_moves_edit_id ON class_moves (edit_id);

CREATE TABLE "classes" (
	value INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	colour TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	CONSTRAINT pk_classes PRIMARY KEY (value), 
	CONSTRAINT uq_classes_name UNIQUE (name), 
	CONSTRAINT ck_classes_value CHECK (value BETWEEN 1 AND 254), 
	CONSTRAINT ck_classes_colour CHECK (colour GLOB '#[0-9a-fA-F][0-9a-fA-F][0-9a-fA-F][0-9a-fA-F][0-9a-fA-F][0-9a-fA-F]'), 
	CONSTRAINT ck_classes_name CHECK (typeof(name) = 'text' AND length(name) BETWEEN 1 AND 80), 
	CONSTRAINT ck_classes_position CHECK (typeof(position) = 'integer')
);

CREATE TABLE joins (
	id INTEGER NOT NULL, 
	batch INTEGER NOT NULL, 
	made_at TEXT NOT NULL, 
	picture_id INTEGER NOT NULL, 
	other_id INTEGER, 
	old_path TEXT NOT NULL, 
	new_path TEXT NOT NULL, 
	undone INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_joins PRIMARY KEY (id), 
	CONSTRAINT fk_joins_picture_id FOREIGN KEY(picture_id) REFERENCES pictures (id) ON DELETE CASCADE, 
	CONSTRAINT fk_joins_other_id FOREIGN KEY(other_id) REFERENCES pictures (id) ON DELETE SET NULL
);

CREATE VIEW pictures_by_status AS
        SELECT status, COUNT(*) AS pictures FROM pictures WHERE joined_to IS NULL
        GROUP BY status ORDER BY pictures DESC;

CREATE VIEW labelled_pixels_by_class AS
        SELECT c.value, c.name, SUM(p.pixels) AS pixels, COUNT(*) AS pictures
        FROM class_pixels p JOIN classes c ON c.value = p.class_value
        JOIN pictures ON pictures.id = p.picture_id AND pictures.joined_to IS NULL
        GROUP BY c.value ORDER BY pixels DESC;

CREATE TABLE run_tags (
	run_id INTEGER NOT NULL, 
	tag TEXT NOT NULL, 
	CONSTRAINT pk_run_tags PRIMARY KEY (run_id, tag), 
	CONSTRAINT fk_run_tags_run_id FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);

CREATE TABLE run_labels (
	run_id INTEGER NOT NULL, 
	train_pictures INTEGER NOT NULL, 
	train_pixels INTEGER NOT NULL, 
	val_pictures INTEGER NOT NULL, 
	val_pixels INTEGER NOT NULL, 
	pictures BLOB NOT NULL, 
	CONSTRAINT pk_run_labels PRIMARY KEY (run_id), 
	CONSTRAINT fk_run_labels_run_id FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);

CREATE TABLE picture_work (
	picture_id INTEGER NOT NULL, 
	opened_at TEXT NOT NULL, 
	run_id INTEGER, 
	is_live INTEGER DEFAULT '0' NOT NULL, 
	after_move_id INTEGER DEFAULT '0' NOT NULL, 
	labelled_pictures INTEGER, 
	step INTEGER DEFAULT '1' NOT NULL, 
	measured_at TEXT, 
	measured_move_id INTEGER DEFAULT '0' NOT NULL, 
	iou FLOAT, 
	class_counts TEXT, 
	compared_pixels INTEGER DEFAULT '0' NOT NULL, 
	corrected_pixels INTEGER DEFAULT '0' NOT NULL, 
	edits INTEGER DEFAULT '0' NOT NULL, 
	seconds FLOAT DEFAULT '0' NOT NULL, 
	prediction BLOB, 
	CONSTRAINT pk_picture_work PRIMARY KEY (picture_id), 
	CONSTRAINT fk_picture_work_picture_id FOREIGN KEY(picture_id) REFERENCES pictures (id) ON DELETE CASCADE, 
	CONSTRAINT fk_picture_work_run_id FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE SET NULL
);

CREATE TABLE kept_labels (
	picture_id INTEGER NOT NULL, 
	digest TEXT NOT NULL, 
	class_value INTEGER NOT NULL, 
	x0 INTEGER NOT NULL, 
	y0 INTEGER NOT NULL, 
	x1 INTEGER NOT NULL, 
	y1 INTEGER NOT NULL, 
	mask TEXT NOT NULL, 
	CONSTRAINT pk_kept_labels PRIMARY KEY (picture_id, digest), 
	CONSTRAINT fk_kept_labels_picture_id FOREIGN KEY(picture_id) REFERENCES pictures (id) ON DELETE CASCADE
);

INSERT INTO alembic_version (version_num) VALUES ('0008');
