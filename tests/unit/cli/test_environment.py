"""A command finds the run of its machine without being told where, and never mixes two systems."""

import stat
from pathlib import Path

from services.commands.environment import ROOT, adopt_environment, read_environment, state_folder, write_environment

RUN = {"CXQ_ENV": "dev", "CXQ_POSTGRES_URL": "postgresql://postgres:s3cret@127.0.0.1:1", "CXQ_KAFKA_BOOTSTRAP": "k:1"}


def test_what_a_run_leaves_is_what_a_command_reads(tmp_path: Path) -> None:
    awkward = RUN | {"CXQ_STATE_DIR": "/home/li si/it's $HOME"}
    write_environment(tmp_path, awkward)
    assert read_environment(tmp_path) == awkward


def test_only_its_owner_may_read_the_file_with_the_password(tmp_path: Path) -> None:
    write_environment(tmp_path, RUN)
    assert stat.S_IMODE((tmp_path / "environment").stat().st_mode) == 0o600
    write_environment(tmp_path, RUN)
    assert stat.S_IMODE((tmp_path / "environment").stat().st_mode) == 0o600


def test_settings_that_are_missing_come_from_the_run_on_this_machine(tmp_path: Path) -> None:
    write_environment(tmp_path, RUN)
    environ = {"CXQ_STATE_DIR": str(tmp_path), "CXQ_LOG_LEVEL": "debug"}
    adopt_environment(environ)
    assert environ == RUN | {"CXQ_STATE_DIR": str(tmp_path), "CXQ_LOG_LEVEL": "debug"}


def test_a_variable_that_names_another_system_is_not_mixed_with_the_file(tmp_path: Path) -> None:
    write_environment(tmp_path, RUN)
    production = {"CXQ_STATE_DIR": str(tmp_path), "CXQ_POSTGRES_URL": "postgresql://db.example:5432"}
    environ = dict(production)
    adopt_environment(environ)
    assert environ == production


def test_where_nothing_ran_nothing_is_added(tmp_path: Path) -> None:
    environ = {"CXQ_STATE_DIR": str(tmp_path / "never")}
    adopt_environment(environ)
    assert environ == {"CXQ_STATE_DIR": str(tmp_path / "never")}


def test_the_state_folder_is_the_projects_unless_another_is_named(tmp_path: Path) -> None:
    assert state_folder({}) == ROOT / ".cxq"
    assert state_folder({"CXQ_STATE_DIR": str(tmp_path)}) == tmp_path
