"""A PostgreSQL cluster of its own in a temporary folder, on a Unix socket only; never run as root."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from sqlalchemy import create_engine, text


class Cluster:
    """A cluster that is started, stopped and killed; `programs` is the folder of PostgreSQL's programs."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self._as_user: list[str] = []
        if os.geteuid() == 0:
            shutil.chown(self._folder, "postgres")
            self._as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"]
        self._folder.chmod(0o755)
        self._run("initdb", "-U", "perfeval", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
        self.start()

    @property
    def url(self) -> str:
        """The address of its first database."""
        return f"postgresql+psycopg://perfeval@/postgres?host={self._folder}"

    def start(self) -> None:
        """Start it and wait until it answers; after a kill some process may hold for a moment what they shared."""
        command = ("pg_ctl", "-w", "-l", f"{self._folder}/log", "-o", f"-k {self._folder} -c listen_addresses=''", "start")
        for _ in range(10):
            with suppress(subprocess.CalledProcessError):
                self._run(*command)
                return
            time.sleep(1)
        self._run(*command)

    def stop(self) -> None:
        """Stop it at once, whoever is connected."""
        self._run("pg_ctl", "-m", "immediate", "stop")

    def kill(self) -> None:
        """A power cut for all of its processes."""
        head = int((self._folder / "data" / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{head}/task/{head}/children").read_text().split()
        for process in (head, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        while any(Path(f"/proc/{process}/exe").exists() for process in (head, *map(int, children))):  # what they share is free then
            time.sleep(0.05)

    def make(self, name: str) -> str:
        """Make a database, empty; its address."""
        engine = create_engine(self.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return self.url.replace("/postgres?", f"/{name}?")

    def remove(self) -> None:
        """Stop it and remove all that it holds."""
        self.stop()
        shutil.rmtree(self._folder)

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as_user, str(self._programs / program), "-D", f"{self._folder}/data", *arguments]
        subprocess.run(command, check=True, cwd=self._folder, stdout=subprocess.DEVNULL)
