"""What a database server tells about itself, in each sort of SQL: where it is, how it compares, its triggers, its backups.

Only the questions for PostgreSQL, MariaDB and SQLite were asked of real servers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from connectors.contract import Backup
from core.errors import StornoError
from core.text import N_, Text

if TYPE_CHECKING:
    from connectors.odbc.connection import Database

UNTOLD: Final = "-"


@dataclass(frozen=True, slots=True)
class Questions:
    """SQL that one sort of server answers with one row, and with pairs (name, text) for `triggers`.

    `place` differs between any two databases that exist at the same time, a restored copy on the same server too.
    `last_backup` is a moment in UTC.
    """

    place: str
    collation: str
    triggers: str
    last_backup: str | None = None
    may_see_triggers: str | None = None  # 0 where an account without the right sees none of them
    version_parts: int = 1  # of the version, how many numbers can change what a write does
    cluster: str | None = (
        None  # a name and what all nodes of one cluster call it, in the last column
    )
    follows: str | None = None  # 1 where the database shows what is written to another server


QUESTIONS: Final[Mapping[str, Questions]] = {
    "postgresql": Questions(
        place=(
            "select concat(pg_postmaster_start_time()::text, ' :', current_setting('port'), '/',"
            " current_database()::text)"
        ),
        collation=(
            "select concat(pg_encoding_to_char(encoding), ' ', datcollate) from pg_catalog.pg_database"
            " where datname = current_database()"
        ),
        triggers=(
            "with asked as (select to_regclass(?) as table_id)"
            " select tgname::text, concat(tgenabled::text, ' ', pg_get_triggerdef(t.oid), ' ', p.prosrc)"
            " from asked join pg_catalog.pg_trigger t on tgrelid = table_id"
            " join pg_catalog.pg_proc p on p.oid = t.tgfoid"
            " where not tgisinternal and tgenabled <> 'D'"
            # A rule makes other statements of a write, as a trigger does.
            " union all select rulename::text, concat(ev_enabled::text, ' ', pg_get_ruledef(r.oid))"
            " from asked join pg_catalog.pg_rewrite r on ev_class = table_id"
            " where rulename <> '_RETURN' and ev_enabled <> 'D' order by 1"
        ),
        follows="select case when pg_is_in_recovery() then 1 else 0 end",
    ),
    "mariadb": Questions(
        place="select concat(@@hostname, ':', @@port, @@datadir, '/', database())",
        collation="select concat(@@character_set_database, ' ', @@collation_database)",
        triggers=(
            "select trigger_name, concat(action_timing, ' ', event_manipulation, ' ', action_statement)"
            " from information_schema.triggers where event_object_schema = database()"
            " and event_object_table = ? order by 1"
        ),
        may_see_triggers=(
            "select count(*) from (select grantee, privilege_type from information_schema.user_privileges"
            " union all select grantee, privilege_type from information_schema.schema_privileges"
            " where database() like table_schema union all"
            " select grantee, privilege_type from information_schema.table_privileges"
            " where table_schema = database() and table_name = ?) granted"
            " where privilege_type = 'TRIGGER'"
            " and grantee = concat('''', replace(current_user(), '@', '''@'''), '''')"
        ),
        version_parts=2,
        cluster="show status like 'wsrep_cluster_state_uuid'",
        follows="show status where variable_name = 'Slave_running' and value = 'ON'",
    ),
    "sqlite": Questions(
        place="select file from pragma_database_list where name = 'main'",
        collation="select encoding from pragma_encoding",
        triggers=(
            "select name, sql from sqlite_master where type = 'trigger' and lower(tbl_name) = lower(?)"
            " order by 1"
        ),
        version_parts=2,
    ),
    "sqlserver": Questions(
        place="select concat(@@servername, '/', db_name(), '/', db_id())",
        collation="select convert(varchar(128), databasepropertyex(db_name(), 'Collation'))",
        triggers=(
            "select name, object_definition(object_id) from sys.triggers"
            " where parent_id = object_id(?) and is_disabled = 0 order by name"
        ),
        may_see_triggers="select has_perms_by_name(?, 'OBJECT', 'VIEW DEFINITION')",
        follows=(
            "select case when databasepropertyex(db_name(), 'Updateability') = 'READ_ONLY' then 1 else 0 end"
        ),
        # The server writes its own local time into the history.
        last_backup=(
            "select dateadd(minute, datediff(minute, getdate(), getutcdate()), max(backup_finish_date))"
            " from msdb.dbo.backupset where database_name = db_name() and type = 'D'"
        ),
    ),
    "oracle": Questions(
        place=(
            "select sys_context('userenv', 'db_unique_name') || '/' || sys_context('userenv', 'con_name')"
            " || '/' || sys_context('userenv', 'current_schema') from dual"
        ),
        collation=(
            "select max(case parameter when 'NLS_CHARACTERSET' then value end) || ' ' ||"
            " sys_context('userenv', 'nls_sort') from nls_database_parameters"
        ),
        # The body is a LONG, which no expression takes; its length changes with nearly every edit.
        triggers=(
            "select trigger_name, description || when_clause from all_triggers"
            " where table_owner = sys_context('userenv', 'current_schema') and table_name = ?"
            " and status = 'ENABLED' order by 1"
        ),
        follows=(
            "select case when sys_context('userenv', 'database_role') = 'PRIMARY' then 0 else 1 end from dual"
        ),
    ),
    "db2": Questions(
        place="select current server || '/' || current schema from sysibm.sysdummy1",
        collation=(
            "select value from sysibmadm.dbcfg where name = 'codepage' fetch first 1 row only"
        ),
        triggers=(
            "select trigname, cast(substr(text, 1, 4000) as varchar(4000)) from syscat.triggers"
            " where tabschema = current schema and tabname = ? order by 1"
        ),
        version_parts=2,
    ),
}


def place_of(database: Database) -> str:
    """Return where a database is, as the server says it: two systems with one place are one database.

    All nodes of a Galera cluster are one place: what is written to one stands in the others.
    """
    questions = QUESTIONS[database.dialect.name]
    cluster = None if questions.cluster is None else _told(database, questions.cluster, column=-1)
    if cluster and set(cluster) - set("0-"):
        return f"{database.dialect.product}: {cluster}/{database.name}"
    told = _told(database, questions.place) or database.name
    if database.dialect.name == "sqlite":
        told = _file(Path(told))
    return f"{database.dialect.product}: {told}"


def follows(database: Database) -> bool:
    """Whether the database shows what is written to another server: a standby, a replica."""
    question = QUESTIONS[database.dialect.name].follows
    told = None if question is None else _told(database, question, column=-1)
    return told in {"1", "ON"}


def _file(path: Path) -> str:
    """Return the one name of a file that may be reached over several paths."""
    path = path.resolve()
    try:
        found = path.stat()
    except OSError:
        return str(path)
    # With a second name in some folder it is still one file, and neither name is the first.
    return str(path) if found.st_nlink < 2 else f"{found.st_dev}:{found.st_ino}"


def collation_of(database: Database) -> str:
    """Return character set and collation of the database, a dash where the server does not tell."""
    return _told(database, QUESTIONS[database.dialect.name].collation) or UNTOLD


def server_of(database: Database) -> str:
    """Return product and version, as far as a change of it may change what a write does."""
    numbers = re.findall(r"\d+", database.version())
    shown = ".".join(numbers[: QUESTIONS[database.dialect.name].version_parts])
    return f"{database.dialect.product} {shown}".strip()


def triggers_of(database: Database, table: str) -> Mapping[str, str] | None:
    """Return a table's triggers with the text of each, empty where that is kept from us; None where none is seen."""
    questions = QUESTIONS[database.dialect.name]
    question = questions.triggers
    name = table
    if database.dialect.name in {"postgresql", "sqlserver"}:
        name = ".".join(database.dialect.quote(part) for part in table.split("."))
    elif "." in table:
        owner, _, name = table.rpartition(".")
        if database.dialect.name == "mariadb" and owner != database.name:
            return None  # the question is about this database alone
    try:
        with database.reading() as session:
            found = {str(row[0]): str(row[1] or "") for row in session.rows(question, (name,))}
            if found or questions.may_see_triggers is None:
                return found
            (allowed,) = session.rows(questions.may_see_triggers, (name,))
            return found if int(allowed[0] or 0) else None
    except StornoError:
        return None


def has_hidden_triggers(triggers: Mapping[str, str] | None) -> bool:
    """Whether the server keeps from us which triggers a table has, or what one of them does."""
    return triggers is None or "" in triggers.values()


def trigger_notes(database: Database, table: str) -> Iterator[Text]:
    """Say which triggers a table has, and whether all of them are seen: whoever signs should have read it."""
    triggers = triggers_of(database, table)
    if has_hidden_triggers(triggers):
        yield Text(N_("the triggers of {table} cannot be seen"), {"table": table})
    if triggers:
        yield Text(
            N_("table {table} has triggers: {triggers}"),
            {"table": table, "triggers": ", ".join(triggers)},
        )


def last_backup(database: Database) -> Backup:
    """Return when the database was last backed up: as the site says where to look, else as the server tells."""
    options = database.options
    if options.backup_file is not None:
        return _newest_file(options.backup_file)
    question = options.backup_query or QUESTIONS[database.dialect.name].last_backup
    if question is None:
        return Backup(
            None,
            Text(N_("this database does not tell: backup_query or backup_file in storno.yaml")),
        )
    try:
        with database.reading() as session:
            rows = session.rows(question)
    except StornoError as error:
        return Backup(None, Text(N_("it cannot be asked for: {problem}"), {"problem": error.text}))
    told = rows[0][0] if rows and rows[0] else None
    # What a query of the site returns is as its clocks show it; the server's own history is asked for in UTC.
    zone = ZoneInfo(options.time_zone if options.backup_query is not None else "UTC")
    taken_at = _moment(told, zone)
    if taken_at is None and told is not None:
        return Backup(
            None, Text(N_("it was told as {value}, which is no moment"), {"value": str(told)})
        )
    if taken_at is None:
        return Backup(None, Text(N_("the database knows of none")))
    return Backup(
        taken_at,
        Text(N_("backup_query in storno.yaml"))
        if options.backup_query is not None
        else Text(N_("the database's own history")),
    )


def _newest_file(place: Path) -> Backup:
    shown = {"file": str(place)}
    try:
        files = [each for each in place.iterdir() if each.is_file()] if place.is_dir() else [place]
        stamps = [each.stat().st_mtime for each in files]
    except OSError as error:
        return Backup(
            None,
            Text(N_("{file} cannot be read: {problem}"), {**shown, "problem": str(error.strerror)}),
        )
    if not stamps:
        return Backup(None, Text(N_("there is no file in {file}"), shown))
    return Backup(
        datetime.fromtimestamp(max(stamps), UTC), Text(N_("the newest file of {file}"), shown)
    )


def _moment(told: Any, zone: ZoneInfo) -> datetime | None:
    if isinstance(told, str):
        try:
            told = datetime.fromisoformat(told.strip())
        except ValueError:
            return None
    if not isinstance(told, datetime):
        return None
    return (told if told.tzinfo is not None else told.replace(tzinfo=zone)).astimezone(UTC)


def _told(database: Database, question: str, *, column: int = 0) -> str | None:
    try:
        with database.reading() as session:
            found = session.rows(question)
    except StornoError:
        return None
    return None if not found or found[0][column] is None else str(found[0][column])
