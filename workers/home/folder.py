"""Every file name of a volunteer, and of each lease in its spool. What is there says how far a lease is.

work.lock           held by the volunteer at work here
pin.json            which tracker, and the public key of its campaign: kept from the first visit
campaign.json       the campaign as it was last told, for days on which the tracker cannot be reached
account.json        token of the account, mode 0600; worker.json: this machine's keys, mode 0600
asking.json         a request for leases that was, or was about to be, sent: sent again with the same key
selftest.json       which self-test was passed
line.json           how fast files came and went
leases/DIGEST/      one lease: lease.json, input, output/, result.json or ending.json
scratch/            of the processes that do jobs; nothing between jobs
recipe/             files that the campaign brings, such as public removal lists
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from crawler.commit import sweep, write_atomically
from crawler.errors import RunFolderError
from workers.failpoints import failpoint
from workers.hold import hold
from workers.home.kept import KeptAccount, KeptAsking, KeptLine, KeptTest, KeptWorker, Pin, read_if_whole, write_private
from workers.home.lease_folder import GONE, LeaseFolder
from workers.protocol.campaign import SignedCampaign
from workers.protocol.messages import Leased
from workers.stored import read_stored

_REMEDY = "remove it if it is not yours to mend; the volunteer makes it anew where it can"
#: a lease's folder while it is made, which is no lease yet
_NEW = ".new-"


@dataclass(frozen=True, slots=True)
class HomeFolder:
    """The files of one volunteer."""

    path: Path

    @property
    def leases(self) -> Path:
        """The spool."""
        return self.path / "leases"

    @property
    def scratch(self) -> Path:
        """Of the processes that do jobs."""
        return self.path / "scratch"

    @property
    def recipe(self) -> Path:
        """What the campaign brings for its filters; what relative paths of its recipe stand on."""
        return self.path / "recipe"

    @property
    def asking_file(self) -> Path:
        """A request for leases that may have been answered."""
        return self.path / "asking.json"

    @property
    def worker_file(self) -> Path:
        """This machine's keys."""
        return self.path / "worker.json"

    @property
    def account_file(self) -> Path:
        """The account's token."""
        return self.path / "account.json"

    @contextmanager
    def held(self) -> Iterator[None]:
        """The folder for this process alone while inside; what killed ones left half-made or half-removed is gone.

        Raises:
            RunFolderError: another volunteer is at work in it, or it cannot be written.
        """
        try:
            self.leases.mkdir(parents=True, exist_ok=True)
            self.path.chmod(0o700)
        except OSError as error:
            raise RunFolderError(f"{self.path}: cannot be used: {error.strerror}; choose another --folder") from error
        with hold(self.path / "work.lock", shared=False) as ours:
            if not ours:
                raise RunFolderError(f"{self.path}: another volunteer is at work in it; it uses all the cores that it "
                                     "may, so one is enough, or choose another --folder")  # fmt: skip
            self._tidy()
            yield

    def _tidy(self) -> None:
        """Neither what is half-made nor what is half-removed is ever taken for a lease."""
        shutil.rmtree(self.scratch, ignore_errors=True)
        for one in (*self.leases.glob(f"{_NEW}*"), *self.leases.glob(f"{GONE}*")):
            shutil.rmtree(one, ignore_errors=True)
        for folder in (self.path, *(one.path for one in self.kept())):
            sweep(folder)
        self.recipe.mkdir(exist_ok=True)

    def kept(self) -> list[LeaseFolder]:
        """Every lease of the spool, in no order that means anything."""
        return [LeaseFolder(one) for one in sorted(self.leases.glob("[0-9a-f]*")) if one.is_dir()]

    def of_lease(self, lease: str) -> LeaseFolder:
        """The folder of this lease: named by a digest, for a tracker may call leases what it likes."""
        return LeaseFolder(self.leases / hashlib.sha256(lease.encode("utf-8", "surrogatepass")).hexdigest()[:32])

    def keep_lease(self, leased: Leased) -> LeaseFolder:
        """Put a lease into the spool, whole or not at all; one that is there stays as it is."""
        folder = self.of_lease(leased.lease)
        if folder.lease_file.exists():
            return folder
        new = self.leases / f"{_NEW}{secrets.token_hex(8)}"
        new.mkdir()
        write_atomically(new / folder.lease_file.name, msgspec.json.encode(leased))
        failpoint("home.lease_half_kept")
        shutil.rmtree(folder.path, ignore_errors=True)  # of what no lease could be read
        new.rename(folder.path)
        failpoint("home.lease_kept")
        return folder

    # --- small files

    def pin(self) -> Pin | None:
        """What the folder belongs to; None for a new one."""
        return read_stored(self.path / "pin.json", Pin, "the pin of a volunteer", _REMEDY)

    def keep_pin(self, pin: Pin) -> None:
        """From the first visit on."""
        write_atomically(self.path / "pin.json", msgspec.json.encode(pin))

    def campaign(self) -> SignedCampaign | None:
        """The campaign as it was last told."""
        return read_if_whole(self.path / "campaign.json", SignedCampaign)

    def keep_campaign(self, told: SignedCampaign) -> None:
        """For days without a tracker."""
        write_atomically(self.path / "campaign.json", msgspec.json.encode(told))

    def account(self) -> KeptAccount | None:
        """The account, if there is one."""
        return read_stored(self.account_file, KeptAccount, "the token of an account", _REMEDY)

    def keep_account(self, account: KeptAccount) -> None:
        """A secret."""
        write_private(self.account_file, msgspec.json.encode(account))

    def worker(self) -> KeptWorker | None:
        """This machine's keys, if it has any."""
        return read_stored(self.worker_file, KeptWorker, "the keys of a volunteer", _REMEDY)

    def keep_worker(self, worker: KeptWorker) -> None:
        """A secret."""
        write_private(self.worker_file, msgspec.json.encode(worker))

    def asking(self) -> KeptAsking | None:
        """The request for leases that may have been answered."""
        return read_if_whole(self.asking_file, KeptAsking)

    def keep_asking(self, asking: KeptAsking) -> None:
        """Before it is sent."""
        write_atomically(self.asking_file, msgspec.json.encode(asking))

    def forget_asking(self) -> None:
        """It was answered, and the leases of the answer are kept."""
        self.asking_file.unlink(missing_ok=True)

    def line(self) -> KeptLine:
        """How fast files came and went when it was last seen."""
        return read_if_whole(self.path / "line.json", KeptLine) or KeptLine()

    def keep_line(self, line: KeptLine) -> None:
        """It was seen."""
        write_atomically(self.path / "line.json", msgspec.json.encode(line))

    def selftest(self) -> KeptTest | None:
        """The self-test that was passed last."""
        return read_if_whole(self.path / "selftest.json", KeptTest)

    def keep_selftest(self, test: KeptTest) -> None:
        """It was passed."""
        write_atomically(self.path / "selftest.json", msgspec.json.encode(test))
