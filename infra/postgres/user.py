"""As whom the embedded PostgreSQL runs, since it refuses root, and what that user is let through to."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

SYSTEM_USER = "kehu"


class UserError(Exception):
    """There is nobody as whom PostgreSQL may run."""


def server_user(data: Path) -> pwd.struct_passwd | None:
    """Whom to become for the server: nobody else, unless we are root; then whose the data is, or `kehu`."""
    owner = data.stat().st_uid
    if owner == os.geteuid() != 0:
        return None
    try:
        name = pwd.getpwuid(owner).pw_name
    except KeyError:
        raise UserError(f"{data} belongs to user number {owner}, who does not exist") from None
    if os.geteuid() != 0:
        raise UserError(f"{data} belongs to {name}: run as {name}, or choose another directory")
    return pwd.getpwuid(owner) if owner != 0 else _system_user()


def _system_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", SYSTEM_USER]
    try:
        made = subprocess.run(command, check=False, capture_output=True, text=True)
        return pwd.getpwnam(SYSTEM_USER)  # who was made by another process meanwhile will do
    except OSError as error:
        reason = str(error)
    except KeyError:
        reason = made.stderr.strip()
    raise UserError(
        f"PostgreSQL does not run as root, and a user {SYSTEM_USER} could not be made ({reason}):"
        " make one, or run as another user"
    )


def let_through(user: pwd.struct_passwd, path: Path, report: Callable[[str], None]) -> None:
    """Lets the user pass, not read, the directories above `path`; says which it opened."""
    for directory in path.parents:
        found = directory.stat()
        if found.st_uid != user.pw_uid and not found.st_mode & stat.S_IXOTH:
            directory.chmod(stat.S_IMODE(found.st_mode) | stat.S_IXOTH)
            report(f"Others may now pass through {directory}, not read it: PostgreSQL runs as {user.pw_name}")


def let_read(package: Path) -> None:
    """Lets everybody read a package's files, which a strict umask at its installation prevents."""
    for path in (package, *package.rglob("*")):
        mode = path.stat().st_mode
        wanted = mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
        if mode != wanted:
            path.chmod(stat.S_IMODE(wanted))
