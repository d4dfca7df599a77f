"""Make an empty Tryton database with the modules of the practice company.

Runs inside the practice venv only: ``python init.py CONFIG DATABASE MODULE...`` with the administrator's password in
the file that TRYTONPASSFILE names.

A module's own XML records are trusted here: Tryton checks each of them against the domains of its model when it loads
them, which is half of the time of this step, and its makers did so before each release. With the same hash seed the
rows that come out are the same with and without those checks (only the order of ``ir_model_data`` differs): compared
with the oracle once, by hand, for 8.0.12.
"""

from __future__ import annotations

import sys

import trytond.config


def main(config: str, database: str, modules: list[str]) -> None:
    trytond.config.update_etc([config])

    from trytond.model import ModelStorage

    ModelStorage._validate = classmethod(lambda *_args, **_options: None)  # noqa: SLF001  # there is no public switch

    from trytond.cli.admin import main as administer

    sys.argv = ["trytond-admin", "-c", config, "-d", database, "--email", "admin@practice.example"]
    sys.argv += ["--activate-dependencies", "-u", *modules]
    administer()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
