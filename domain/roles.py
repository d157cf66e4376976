"""Which roles people and programs have towards a tenant; what each may do stands in `api/policy.py`."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What somebody is here for."""

    AGENT = "agent"
    """Serves the customers that they own, or in whose file they have a role."""
    MANAGER = "manager"
    """Looks after all customers, and decides who owns which."""
    AUDITOR = "auditor"
    """Reads everything, the log included, and changes nothing."""
    ANALYST = "analyst"
    """Reads everything without what can tell who a person is."""
    ADMIN = "admin"
    """Does everything, publishes policies, and speaks for others."""
