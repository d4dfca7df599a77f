"""A practice Odoo: a small stateful stand-in for Odoo 16 to 19, served on loopback. README.md says what it covers."""

from __future__ import annotations
