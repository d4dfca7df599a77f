"""SQL-Ledger's packages are fetched once, also by who may not update the machine's lists of packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.sql_ledger.package import SQLLedgerError, fetch

APT = """#!/bin/sh
echo "$@" >> "{log}"
case "$*" in
  *Dir::State=*download*) touch sql-ledger.deb ;;
  *Dir::State=*update*) test -d apt-state/lists/partial ;;
  *) echo "E: Unable to locate package sql-ledger" >&2; exit 100 ;;
esac
"""
DPKG = """#!/bin/sh
mkdir -p "$3/usr/share/sql-ledger" && touch "$3/usr/share/sql-ledger/login.pl"
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands before the machine's own programs: an apt whose lists are empty. Returns the folder and its log."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, script in (("apt-get", APT), ("dpkg", DPKG), ("perl", "#!/bin/sh\n")):
        program = folder / name
        program.write_text(script.format(log=tmp_path / "log") if name == "apt-get" else script)
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return folder


@pytest.mark.usefixtures("programs")
def test_lists_of_its_own(tmp_path: Path) -> None:
    """Where the machine knows no such package, lists below our own folder are fetched, then the packages."""
    package = fetch(tmp_path / "cache")
    asked = (tmp_path / "log").read_text().splitlines()

    assert (package.share / "login.pl").is_file()
    assert [line.split()[-4 if "download" in line else -1] for line in asked] == [
        "download",
        "update",
        "download",
    ]


def test_fetched_once(programs: Path, tmp_path: Path) -> None:
    """The second time nothing is asked for."""
    fetch(tmp_path / "cache")
    (programs / "apt-get").write_text("#!/bin/sh\nexit 1\n")

    assert fetch(tmp_path / "cache").root.is_dir()


def test_what_apt_says_is_told(programs: Path, tmp_path: Path) -> None:
    """No network: the message has apt's own words, and nothing half is left in the cache."""
    (programs / "apt-get").write_text(
        "#!/bin/sh\necho 'Temporary failure resolving' >&2; exit 100\n"
    )
    with pytest.raises(SQLLedgerError, match="Temporary failure resolving"):
        fetch(tmp_path / "cache")
    assert not (tmp_path / "cache" / "sql-ledger" / "root").exists()
