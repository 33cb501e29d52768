"""The project file: SQLite store, edit journal, repositories, backup, check, repair."""
