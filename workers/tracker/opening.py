"""Which database a campaign has, and how it is opened: by the server, the checker, and the operator's commands."""

from __future__ import annotations

from urllib.parse import urlsplit

from crawler.errors import RunFolderError, SettingsError
from workers.tracker.folder import CampaignFolder
from workers.tracker.store import Store, StoreError, open_store


def open_database(folder: CampaignFolder, database: str = "") -> Store:
    """The campaign's database, with its tables as this version wants them.

    Args:
        folder: the campaign.
        database: postgresql://... ; "" for SQLite in the campaign's folder.

    Raises:
        SettingsError: it is the address of something else.
        RunFolderError: it cannot be opened.
    """
    if database and not database.startswith(("postgresql://", "postgres://")):
        raise SettingsError("--database: must be the address of a PostgreSQL, such as postgresql://HOST/NAME")
    try:
        return open_store(database or folder.database)
    except StoreError as error:
        raise RunFolderError(f"{folder.path}: its database cannot be opened: {error}") from error


def without_password(database: str) -> str:
    """The address of a database, as a command line may name it.

    Raises:
        SettingsError: it holds a password, which everybody on the machine could read in the list of processes.
    """
    parts = urlsplit(database)
    if parts.password or "password" in parts.query:
        raise SettingsError("--database: put the password into ~/.pgpass: here everybody on the machine can read it")
    return database
