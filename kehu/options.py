"""The flags that every command has, and the settings that follow from them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from infra.log.log import Log
from infra.log.moments import NoSuchMoment, parse, position_of
from kehu.failures import EXIT_CODES, NOT_FOUND, USAGE, Failure
from kehu.settings import Settings, from_environment
from projections.view import views

DAY = click.DateTime(["%Y-%m-%d"])
F = TypeVar("F", bound=Callable[..., Any])


own_projections = click.option(
    "--projection",
    "projections",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="A Python file with views of your own; may be repeated.",
)


def require_views(*names: str) -> None:
    """Raises `Failure` for the first name that no view has."""
    for name in names:
        if name not in views:
            raise Failure(f"there is no view {name!r}; there are {', '.join(sorted(views))}", NOT_FOUND)


def not_blank(context: click.Context, option: click.Parameter, text: str | None) -> str | None:
    """A callback for options that say who or what."""
    if text is not None and not text.strip():
        raise click.BadParameter("is empty", context, option)
    return text


def in_a_directory(context: click.Context, option: click.Parameter, file: Path | None) -> Path | None:
    """A callback for options that name a file to be written."""
    if file is not None and not file.parent.is_dir():
        raise click.BadParameter(f"there is no directory {str(file.parent)!r}", context, option)
    return file


def common(command: F) -> F:
    """Adds --data, --tenant, --json and --debug; the command gets `settings` and `json`."""

    @click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        help="Where the data lies [KEHU_DATA, .kehu].",
    )
    @click.option("--tenant", help="Whose log it is [KEHU_TENANT, main].")
    @click.option("--json", "as_json", is_flag=True, help="Answer as JSON, for machines.")
    @click.option(
        "--debug", is_flag=True, expose_value=False, help="Show where an error came from [KEHU_DEBUG=1]."
    )
    @functools.wraps(command)
    def with_settings(*args: Any, data: Path | None, tenant: str | None, **options: Any) -> Any:
        return command(*args, settings=_settings(data=data, tenant=tenant), **options)

    with_settings.__doc__ = f"{inspect.cleandoc(command.__doc__ or '')}\n\n{EXIT_CODES}"
    return with_settings  # type: ignore[return-value]  # the flags are added to what the function takes


def _settings(**flags: Any) -> Settings:
    try:
        settings = from_environment()
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    return msgspec.structs.replace(
        settings, **{name: value for name, value in flags.items() if value is not None}
    )


async def moment_of(log: Log, option: str, text: str) -> int:
    """The position that an option's value stands for. Raises `Failure`."""
    try:
        return await position_of(log, parse(text))
    except ValueError:
        raise Failure(
            f"{option} {text!r} is neither a position nor a date nor a time, such as 1997-06-30T12:00Z", USAGE
        ) from None
    except NoSuchMoment as error:
        raise Failure(f"{option} {text}: {error}", NOT_FOUND) from None
