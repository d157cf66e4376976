"""How money is written: an integer of minor units with an ISO 4217 currency."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated

import iso4217
import msgspec

from domain.errors import DomainError, InvalidInput

Amount = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
"""An amount in minor units (cents for USD, yen for JPY), not negative, exact in JSON."""
Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}\Z")]
"""An ISO 4217 code; `require_currency` says whether it exists."""

_EXPONENTS = {currency.code: currency.exponent or 0 for currency in iso4217.Currency}


class UnknownCurrency(DomainError):
    """{currency!r} is not a currency of ISO 4217."""

    field = "currency"


def require_currency(code: str) -> None:
    if code not in _EXPONENTS:
        raise UnknownCurrency(currency=code)


def minor_units(amount: str, currency: str, field: str = "amount") -> int:
    """`"11.77"` in USD is 1177. Raises `InvalidInput` where the text is no amount of that currency."""
    require_currency(currency)
    try:
        minor = Decimal(amount.strip()).scaleb(_EXPONENTS[currency])
    except InvalidOperation:
        raise InvalidInput(field, f"{amount!r} is not an amount") from None
    if not minor.is_finite() or minor != minor.to_integral_value():
        raise InvalidInput(field, f"{amount!r} is not a whole number of {currency}'s minor units")
    return int(minor)


def decimal(minor: int, currency: str) -> Decimal:
    """1177 in USD is `Decimal("11.77")`."""
    return Decimal(minor).scaleb(-_EXPONENTS[currency])
