"""Every file name of a campaign: a run folder, and in it what the tracker keeps.

A campaign IS a run folder: what is believed of volunteers' work is put where a local run puts its own, under the same
names, so `pairtrawl plan`, `report` and `seen` work on it as ever.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import msgspec

from crawler.commit import write_atomically, write_first
from crawler.errors import RunFolderError, SettingsError
from workers.protocol.campaign import Campaign, CampaignError, SignedCampaign, new_key, opened, signed
from workers.run_folder import RunFolder
from workers.stored import read_stored

_REMEDY = "restore it from a backup; a new one would be another campaign"


class Secrets(msgspec.Struct, frozen=True, kw_only=True):
    """What the tracker knows and nobody else. Mode 0600; never in a log, a page or a backup of the database."""

    #: SHA-256 of the admin token, hex
    admin_digest: str
    #: keys the digests of network addresses, hex: who steals the database learns no address by trying all of them
    network_key: str
    #: makes canaries, hex: what a volunteer cannot tell from an ordinary row
    canary_key: str
    #: makes tokens and keys, hex: a lost reply that told one can be given again, and no database has to hold it
    token_key: str

    def network(self, address: str) -> str:
        """What stands for a network (an IPv4 /24 or an IPv6 /48, as text) in the database."""
        return hmac.new(bytes.fromhex(self.network_key), address.encode(), hashlib.sha256).hexdigest()[:32]

    def token(self, *about: str) -> str:
        """The token that belongs to these words: 256 bits that nobody can guess without `token_key`."""
        words = "\0".join(about).encode("utf-8", "surrogateescape")
        made = hmac.new(bytes.fromhex(self.token_key), words, hashlib.sha256).digest()
        return base64.urlsafe_b64encode(made).decode().rstrip("=")

    def is_admin(self, token: str) -> bool:
        """Whether this is the admin token; takes the same time whatever it is."""
        return hmac.compare_digest(token_digest(token), self.admin_digest)


def new_token() -> str:
    """256 random bits as text: a worker's key, an account's token, the admin's."""
    return secrets.token_urlsafe(32)


def token_digest(token: str) -> str:
    """What is kept of a token: SHA-256, hex. No salt: 256 random bits cannot be guessed."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


@dataclass(frozen=True, slots=True)
class CampaignFolder:
    """The files of one campaign."""

    path: Path

    @property
    def run(self) -> RunFolder:
        """The run folder that this is: recipe, candidates, plan, raw shards, shards."""
        return RunFolder(self.path)

    @property
    def tracker(self) -> Path:
        """What is the tracker's alone. Not part of the data set."""
        return self.path / "tracker"

    @property
    def database(self) -> Path:
        """The SQLite database, where no other was named."""
        return self.tracker / "tracker.db"

    @property
    def objects(self) -> Path:
        """What volunteers upload, until it is believed."""
        return self.tracker / "objects"

    @property
    def attachments(self) -> Path:
        """Files that the recipe names and that every volunteer gets, called by their SHA-256."""
        return self.tracker / "attachments"

    @property
    def campaign_file(self) -> Path:
        """The signed campaign: what every volunteer gets."""
        return self.tracker / "campaign.json"

    @property
    def key(self) -> Path:
        """The private key that signs the campaign: 32 bytes, Ed25519, mode 0600."""
        return self.tracker / "key"

    @property
    def secrets(self) -> Path:
        """`Secrets`, mode 0600."""
        return self.tracker / "secrets.json"

    @property
    def settings(self) -> Path:
        """What the server alone is told: `workers.tracker.settings`."""
        return self.tracker / "settings.toml"

    @classmethod
    def open(cls, path: Path) -> Self:
        """The campaign in a folder.

        Raises:
            RunFolderError: there is none; the message says how one is made.
        """
        folder = cls(path)
        if not folder.campaign_file.exists():
            raise RunFolderError(f"{path}: holds no campaign; make one with `pairtrawl tracker init`")
        return folder

    @classmethod
    def create(cls, path: Path, campaign: Campaign, *, settings: str = "") -> tuple[Self, str | None]:
        """Make a campaign of a run folder (or of a folder that is to become one); doing it again changes nothing.

        Args:
            path: the folder.
            campaign: what volunteers get; it is signed with a new key, or with the one that is there.
            settings: content of settings.toml, where there is none yet.

        Returns:
            The folder, and the admin token: told this once, for only its digest is kept; None where it was told.

        Raises:
            RunFolderError: another campaign is there already.
        """
        folder = cls(path)
        folder.tracker.mkdir(parents=True, exist_ok=True)
        folder.objects.mkdir(exist_ok=True)
        token = new_token()
        mine = Secrets(
            admin_digest=token_digest(token),
            network_key=secrets.token_hex(32),
            canary_key=secrets.token_hex(32),
            token_key=secrets.token_hex(32),
        )
        _write_private(folder.key, new_key())
        write_first(folder.settings, settings.encode())
        told = folder.read_secrets() if folder.secrets.exists() else None
        if folder.campaign_file.exists():
            if folder.campaign() != campaign:
                raise RunFolderError(f"{path}: holds another campaign; choose another folder, or ask for the same one")
        else:
            write_first(folder.campaign_file, msgspec.json.encode(signed(campaign, folder.private_key())))
        if told is None:  # last: until the token was told a killed `init` may be run again
            _write_private(folder.secrets, msgspec.json.encode(mine))
            return folder, token
        return folder, None

    def amend(self, campaign: Campaign) -> None:
        """Hand out another campaign from now on, such as one with a later `min_version`. The recipe stays.

        Raises:
            SettingsError: the recipe is another one: that is another data set.
        """
        if campaign.recipe_digest != self.campaign().recipe_digest:
            raise SettingsError(f"{self.path}: a campaign keeps its recipe; make a new campaign for another")
        write_atomically(self.campaign_file, msgspec.json.encode(signed(campaign, self.private_key())))

    def new_admin_token(self) -> str:
        """A new admin token in the place of the old one, which counts no more."""
        token = new_token()
        _write_private(
            self.secrets,
            msgspec.json.encode(msgspec.structs.replace(self.read_secrets(), admin_digest=token_digest(token))),
            again=True,
        )
        return token

    def signed_campaign(self) -> SignedCampaign:
        """The campaign as it is handed out.

        Raises:
            RunFolderError: it cannot be read.
        """
        found = read_stored(self.campaign_file, SignedCampaign, "a signed campaign", _REMEDY)
        if found is None:
            raise RunFolderError(f"{self.path}: holds no campaign; make one with `pairtrawl tracker init`")
        return found

    def campaign(self) -> Campaign:
        """The campaign.

        Raises:
            RunFolderError: it cannot be read, or is not signed.
        """
        try:
            return opened(self.signed_campaign())
        except CampaignError as error:
            raise RunFolderError(f"{self.campaign_file}: {error}; {_REMEDY}") from error

    def private_key(self) -> bytes:
        """The key that signs the campaign.

        Raises:
            RunFolderError: it cannot be read.
        """
        try:
            return self.key.read_bytes()
        except OSError as error:
            raise RunFolderError(f"{self.key}: cannot be read: {error}; {_REMEDY}") from error

    def read_secrets(self) -> Secrets:
        """What only the tracker knows.

        Raises:
            RunFolderError: it cannot be read.
        """
        found = read_stored(self.secrets, Secrets, "the secrets of a tracker", _REMEDY)
        if found is None:
            raise RunFolderError(f"{self.secrets}: is missing: `pairtrawl tracker init` was stopped; run it again")
        return found


def _write_private(path: Path, content: bytes, *, again: bool = False) -> None:
    """Put a secret where only its owner can read it, from its first byte on; what is there stays unless `again`."""
    if path.exists() and not again:
        return
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
