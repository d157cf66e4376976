"""In which form phone numbers and addresses are compared, however they were written."""

from __future__ import annotations

import unicodedata

import phonenumbers

from domain.customers import ContactKind

HOME = "CN"
"""The region of numbers that are written without a country's code (ISO 3166)."""


def normalised_contact(kind: ContactKind, value: str) -> str:
    """A phone number as E.164 (ITU-T) where it is one; all else as NFKC, case-folded, trimmed."""
    folded = unicodedata.normalize("NFKC", value).casefold().strip()
    return normalised_number(folded) if kind is ContactKind.PHONE else folded


def normalised_number(number: str) -> str:
    """`+8613800138000` for `138 0013 8000`; letters and digits alone, where it is no number."""
    try:
        parsed = phonenumbers.parse(number, HOME)
    except phonenumbers.NumberParseException:
        return "".join(letter for letter in number if letter.isalnum())
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
