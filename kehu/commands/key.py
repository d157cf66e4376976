"""`kehu key`: who may ask; makes, lists and revokes a tenant's API keys."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import click
import msgspec

from domain.roles import Role
from infra.keys import Key, Keys
from kehu.console import note, out, write_json, write_rows
from kehu.failures import NOT_FOUND, Failure
from kehu.opening import database, opened
from kehu.options import common, not_blank
from kehu.settings import Settings

T = TypeVar("T")


@click.group("key")
def key_command() -> None:
    """Make, list and revoke the keys with which people and programs ask.

    A key belongs to one tenant, has one role (agent, manager, auditor, analyst, admin), and is shown once.

    \b
    Example:
      kehu key create --name "Mei's phone" --role agent --actor mei --days 90
    """


@key_command.command("create")
@click.option("--name", required=True, callback=not_blank, help="What it is for.")
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]), help="What for.")
@click.option(
    "--actor",
    callback=not_blank,
    help="Who acts with it, as the log will say; the name, where it is left out.",
)
@click.option("--own-customers", is_flag=True, help="It reaches only the actor's own customers.")
@click.option("--days", type=click.IntRange(1, 3650), help="How long it is good; for ever, if left out.")
@common
def create_command(
    settings: Settings,
    name: str,
    role: str,
    actor: str | None,
    own_customers: bool,
    days: int | None,
    as_json: bool,
) -> int:
    """Make a key, and show it: nobody can show it again.

    \b
    Example:
      kehu key create --name "Mei's phone" --role agent --actor mei --days 90
    """
    until = datetime.now(UTC) + timedelta(days=days) if days else None

    async def create(keys: Keys) -> tuple[Key, str]:
        return await keys.create(name, Role(role), actor or name, own_only=own_customers, expires_at=until)

    key, token = _with_keys(settings, create)
    if as_json:
        write_json({"token": token, **_told(key)})
    else:
        click.echo(token)
        note(f"Key {key.id} of tenant {settings.tenant}: {key.role} for {key.actor}. It is shown only now.")
    return 0


@key_command.command("list")
@common
def list_command(settings: Settings, as_json: bool) -> int:
    """List the keys, without their secrets.

    \b
    Example:
      kehu key list --tenant demo
    """
    keys = _with_keys(settings, lambda keys: keys.all())
    if as_json:
        write_json([_told(key) for key in keys])
        return 0
    if keys:
        write_rows(f"Keys of tenant {settings.tenant}", [_row(key) for key in keys])
    else:
        out().print(f"Tenant {settings.tenant} has no keys.")
    return 0


@key_command.command("revoke")
@click.argument("id")
@common
def revoke_command(settings: Settings, id: str, as_json: bool) -> int:
    """End a key; servers refuse it within five seconds.

    \b
    Example:
      kehu key revoke 0a1b2c3d4e5f
    """
    if not _with_keys(settings, lambda keys: keys.revoke(id)):
        raise Failure(f"there is no key {id!r} that could be revoked (kehu key list)", NOT_FOUND)
    write_json({"revoked": id}) if as_json else out().print(f"Key {id} is revoked.")
    return 0


def _with_keys(settings: Settings, do: Callable[[Keys], Awaitable[T]]) -> T:
    async def run(dsn: str) -> T:
        async with opened(settings, dsn, (), must_exist=settings.tenant != Settings().tenant) as tenant:
            return await do(Keys(tenant.pool, tenant.name))

    with database(settings) as dsn:
        return asyncio.run(run(dsn))


def _row(key: Key) -> dict[str, Any]:
    """A key as a table tells it."""
    days = {"created": key.created_at, "expires": key.expires_at, "revoked": key.revoked_at}
    return {
        "id": key.id,
        "name": key.name,
        "role": key.role,
        "actor": key.actor,
        "reaches": "own customers" if key.own_only else "what the role does",
        **{name: f"{day:%Y-%m-%d}" if day else None for name, day in days.items()},
        "last used": str(key.last_used or "never"),
    }


def _told(key: Key) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(key)
    return told
