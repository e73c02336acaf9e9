"""Becoming a volunteer: the campaign and its key, an account, this machine, the self-test. Each lasts, once done."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

import msgspec

from crawler.errors import RunFolderError, SettingsError
from workers.failpoints import failpoint
from workers.home.client import TrackerClient, new_key
from workers.home.crew import Crew
from workers.home.environment import environment
from workers.home.folder import HomeFolder
from workers.home.kept import KeptAccount, KeptTest, KeptWorker, Pin
from workers.home.known_answers import KNOWN
from workers.home.outfit import Signer
from workers.home.telling import Voice
from workers.protocol.allowed import objections
from workers.protocol.answers import wrong
from workers.protocol.campaign import (
    Campaign,
    CampaignError,
    SignedCampaign,
    opened,
    public_key_of,
)
from workers.protocol.campaign import (
    new_key as new_private_key,
)
from workers.protocol.messages import Machine, OpenAccount, Register, SelfTest
from workers.protocol.versions import version_key

#: of a tracker's answer to who joins
_NAME_CHARACTERS = 60


def agreed(
    told: SignedCampaign, folder: HomeFolder, tracker: str, version: str, *, public_key: str = "", allow_private: bool
) -> Campaign:
    """The campaign, if it is the one that this folder belongs to and asks for nothing that a volunteer must not do.

    The first visit pins the tracker and its key; afterwards both must be the same.

    Raises:
        RunFolderError: the folder belongs to another tracker.
        CampaignError: it is signed by another key than it was, or not at all; or it is objected to.
    """
    pin = folder.pin()
    if pin is not None and pin.tracker != tracker:
        raise RunFolderError(f"{folder.path}: belongs to {pin.tracker}; choose another --folder for {tracker}")
    if pin is not None and public_key and pin.public_key != public_key:
        raise CampaignError(f"{folder.path}: belongs to a campaign of another key than --public-key")
    campaign = opened(told, pin.public_key if pin else public_key or None)
    if wrong_with_it := objections(campaign, allow_private=allow_private):
        raise CampaignError("this campaign asks for what no volunteer should do: " + "; ".join(wrong_with_it[:5]))
    if version_key(version) < version_key(campaign.min_version):
        raise CampaignError(f"the campaign needs pairtrawl {campaign.min_version}, and this is {version}: "
                            "pip install --upgrade 'pairtrawl[home]'")  # fmt: skip
    if pin is None:
        folder.keep_pin(Pin(tracker=tracker, public_key=told.public_key))
    folder.keep_campaign(told)
    return campaign


async def joined(
    client: TrackerClient,
    folder: HomeFolder,
    machine: Machine,
    version: str,
    *,
    name: str,
    account_file: Path | None,
    invitation: str,
) -> Signer:
    """This machine at the tracker, with an account: those of the folder, or new ones. `client` gets the key.

    A call that was killed, or lost its answer, gets the same account and machine when it is made again.

    Raises:
        SettingsError: --account cannot be read.
        AwayError, RefusedError: of the tracker.
    """
    this_environment = environment()
    worker = folder.worker()
    if worker is None or not worker.key:
        token = await _account_token(client, folder, name, account_file, invitation)
        if worker is None:
            worker = KeptWorker(private_key=new_private_key().hex(), idempotency=new_key())
            folder.keep_worker(worker)
        failpoint("home.account_kept")
        asked = Register(
            name=name[:_NAME_CHARACTERS], machine=machine, version=version,
            public_key=public_key_of(bytes.fromhex(worker.private_key)), environment=this_environment,
        )  # fmt: skip
        # of the body too: after an update of pairtrawl the same key would stand for another request
        key = hashlib.sha256(worker.idempotency.encode() + msgspec.json.encode(asked)).hexdigest()
        told = await client.register(asked, token, key)
        worker = msgspec.structs.replace(worker, worker=told.worker, key=told.key)
        folder.keep_worker(worker)
        failpoint("home.worker_kept")
    client.key = worker.key
    return Signer(private_key=worker.private_key, version=version, environment=this_environment)


async def _account_token(
    client: TrackerClient, folder: HomeFolder, name: str, account_file: Path | None, invitation: str
) -> str:
    if account_file is not None:
        try:
            return account_file.read_text(encoding="ascii").strip()  # noqa: ASYNC240 - a line, before anything runs
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"--account {account_file}: holds no token: {error}") from error
    account = folder.account()
    if account is None:
        account = KeptAccount(idempotency=new_key(), name=f"volunteer-{secrets.token_hex(4)}")
        folder.keep_account(account)
    if not account.token:
        asked = OpenAccount(name=(name or account.name)[:_NAME_CHARACTERS], invitation=invitation)
        key = hashlib.sha256(account.idempotency.encode() + msgspec.json.encode(asked)).hexdigest()
        account = msgspec.structs.replace(account, token=(await client.open_account(asked, key)).token)
        folder.keep_account(account)
    return account.token


async def tested(
    client: TrackerClient, folder: HomeFolder, campaign: Campaign, crew: Crew, signer: Signer, voice: Voice, *,
    models: bool, again: bool = False,  # noqa: PT028 - no test of pytest
) -> None:  # fmt: skip
    """Pass the self-test, unless this very installation has passed it before.

    Raises:
        SettingsError: this installation computes something else than it should; the tracker was told nothing.
        AwayError, RefusedError: of the tracker.
    """
    known = KNOWN | campaign.selftest
    questions = hashlib.sha256(msgspec.json.encode(known, order="deterministic")).hexdigest()
    this = KeptTest(version=signer.version, environment=signer.environment, questions=questions, models=models)
    if folder.selftest() == this and not again:
        return
    voice.say("testing", "asking this installation questions with known answers ...")
    answers = await crew.test(models=models)
    if mistakes := wrong(answers, known):
        raise SettingsError(
            f"this installation computes something else than it should ({len(mistakes)} of {len(known)} questions, "
            f"such as {', '.join(mistakes[:3])}), and what it made would be thrown away: install pairtrawl into a new "
            "environment; `pairtrawl doctor` tries the parts"
        )
    judged = await client.selftest(SelfTest(version=signer.version, environment=signer.environment, answers=answers))
    if judged.wrong:
        raise SettingsError(f"the tracker finds other answers right: {', '.join(map(str, judged.wrong[:3]))}; "
                            "write to its operators")  # fmt: skip
    folder.keep_selftest(this)
    failpoint("home.selftest_kept")
