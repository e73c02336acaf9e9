"""A real PostgreSQL server of a test's own: in a temporary folder, on a free port of the loopback, with a password."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from tests.debian import install_package

_DEBIAN = Path("/usr/lib/postgresql")
#: nothing that these tests prove needs the disk to be asked; a killed process loses nothing that the kernel has
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "listen_addresses": "127.0.0.1",
    "shared_buffers": "64MB",
    "autovacuum": "off",
    "deadlock_timeout": "20ms",  # not a second for each deadlock that a test makes on purpose
    "log_min_messages": "fatal",
}


def programs() -> Path | None:
    """The folder of initdb, pg_ctl and the rest; None where there is none."""
    for folder in sorted(_DEBIAN.glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True):
        if (folder / "initdb").exists():
            return folder
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def install() -> None:
    """Install Debian's package, as root; what comes of it is for `programs` to say."""
    install_package("postgresql")


@dataclass
class PostgresServer:
    """A server, from `with` to its end."""

    programs: Path
    settings: dict[str, str]

    def __enter__(self) -> Self:
        # PostgreSQL refuses to run as root, and its user cannot look into pytest's folders
        self._user: int | None = None
        self._group: int | None = None
        self.folder = Path(tempfile.mkdtemp(prefix="pairtrawl-postgres-"))
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self._user, self._group = user.pw_uid, user.pw_gid
        self.password = secrets.token_hex(8)
        asked = self.folder / "password"
        asked.write_text(self.password)
        asked.chmod(0o644)
        self._run(
            "initdb",
            "--no-sync",
            "-A",
            "scram-sha-256",
            "-U",
            "tracker",
            "--pwfile",
            asked,
            "--no-locale",
            "-E",
            "UTF8",
            "-D",
            self.data,
        )
        self._choose_port()
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        """Start, on the same port as before; returns when it answers."""
        self._run("pg_ctl", "-w", "-t", "120", "-D", self.data, "-l", self.folder / "log", "start")

    def stop(self, how: str) -> None:
        """Stop: "fast" tells its connections, "immediate" is like a crash."""
        self._run("pg_ctl", "-w", "-t", "120", "-D", self.data, "-m", how, "stop")

    def address(self, database: str) -> str:
        return f"postgresql://tracker:{self.password}@127.0.0.1:{self.port}/{database}"

    def do(self, sql: str) -> None:
        """Have a statement made, outside of any transaction and of every test's database."""
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(sql.encode())

    def empty(self, database: str) -> None:
        """Leave the tables of a database, and what says their version, and nothing else; nobody is connected any more.

        Ten times faster than another database for each test.
        """
        with psycopg.connect(self.address(database), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            numbers = connection.execute("SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'").fetchall()
            connection.execute("SET session_replication_role = replica")  # no foreign keys: in any order
            kept = {"meta": " WHERE key <> 'schema_version'"}
            statements = [f"DELETE FROM {name}{kept.get(name, '')}" for (name,) in tables]
            statements += [f"ALTER SEQUENCE {name} RESTART" for (name,) in numbers]
            connection.execute(";".join(statements).encode())

    def _choose_port(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        settings = _SETTINGS | self.settings | {"port": str(self.port), "unix_socket_directories": str(self.folder)}
        with (self.data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(self.programs / program), *map(str, arguments)]
        # its own folder: one of root's cannot be entered
        with tempfile.TemporaryFile() as told:  # not a pipe: the server would keep it open
            done = subprocess.run(
                command,
                check=False,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=told,
                stderr=told,
                user=self._user,
                group=self._group,
                extra_groups=None if self._user is None else [],
            )
            if done.returncode:
                told.seek(0)
                raise AssertionError(f"{command}: {told.read().decode(errors='replace')}")
