"""The messages of protocol 1, as JSON over HTTP. docs/protocol.md says when each is sent, and what is answered.

Every request of a worker carries its key (`Authorization: Bearer KEY`), and every POST an `Idempotency-Key`: the same
key with the same body gets the same bytes again, with another body 409. Durations are relative seconds, for nobody's
clock is believed but the server's own. Unknown fields of a reply are skipped, so that servers can grow; unknown fields
of a request are refused. Texts have lengths, because everything that can be long will be.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

#: goes into every address: /v1/...
PROTOCOL = 1

Text = Annotated[str, msgspec.Meta(max_length=200)]
LongText = Annotated[str, msgspec.Meta(max_length=4_000)]
Address = Annotated[str, msgspec.Meta(max_length=2_000)]
Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]  # SHA-256
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
#: of a file that a job makes, relative to its output folder
FileName = Annotated[
    str, msgspec.Meta(pattern=r"^[0-9A-Za-z_][0-9A-Za-z_.-]{0,99}(/[0-9A-Za-z_][0-9A-Za-z_.-]{0,99}){0,3}\Z")
]
Token = Annotated[str, msgspec.Meta(min_length=20, max_length=200, pattern="^[A-Za-z0-9_-]+$")]


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request's body."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A reply's body."""


class Refusal(Told, frozen=True, kw_only=True):
    """The body of every answer from 400 on. `code` is for programs, `message` says what to do."""

    code: str  # lower case words with _: no_room, version_blocked, quarantined, conflict, unknown_lease ...
    message: str
    retry_after: float | None = None  # seconds; the header says the same


# --- joining


class OpenAccount(Asked, frozen=True, kw_only=True):
    """POST /v1/accounts: one for a person or a group; without a key of ours yet."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=60)]  # shown on pages
    invitation: Text = ""  # where the campaign asks for one


class AccountOpened(Told, frozen=True, kw_only=True):
    """201. The token is told once; the tracker keeps its digest only."""

    account: int
    token: str


class Machine(Asked, frozen=True, kw_only=True):
    """What a worker found out about the machine it runs on. Believed for the size of jobs only."""

    cpus: Count
    memory_bytes: Count
    disk_bytes: Count  # free, for the spool
    gpus: Annotated[list[Text], msgspec.Meta(max_length=64)] = []
    download_bytes_per_second: Count = 0  # measured; 0 where it was not
    system: Text = ""  # "Linux x86_64"


class Register(Asked, frozen=True, kw_only=True):
    """POST /v1/workers, with the account's token as bearer: one for a machine."""

    name: Annotated[str, msgspec.Meta(max_length=60)] = ""
    machine: Machine
    version: Annotated[str, msgspec.Meta(max_length=40, pattern=r"^[0-9]+(\.[0-9]+)*[0-9A-Za-z.+-]*$")]  # of pairtrawl
    #: Ed25519 public key, hex: signs manifests, so that blame survives the transport
    public_key: Digest
    #: of what changes results: versions of packages that decode and score; hex
    environment: Digest


class Registered(Told, frozen=True, kw_only=True):
    """201. The key is told once."""

    worker: int
    key: str
    #: what the self-test of the campaign is called here; "" where the worker's own is enough
    selftest: str = ""


class SelfTest(Asked, frozen=True, kw_only=True):
    """POST /v1/workers/me/selftest: known answers, before the first lease and after every change of version."""

    version: Text
    environment: Digest
    answers: Annotated[dict[Text, Text], msgspec.Meta(max_length=2_000)]  # by name of the question


class SelfTestJudged(Told, frozen=True, kw_only=True):
    """200. `wrong` names the questions whose answers were not the known ones; empty means it may lease."""

    wrong: list[str]


# --- leases


class TakeLeases(Asked, frozen=True, kw_only=True):
    """POST /v1/leases."""

    kinds: Annotated[
        list[Annotated[str, msgspec.Meta(pattern="^(extract|fetch|score|crawl)$")]],
        msgspec.Meta(min_length=1, max_length=4),
    ]
    most: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    version: Annotated[str, msgspec.Meta(max_length=40)]
    #: free for the spool, in bytes
    disk_bytes: Count = 0


class JobSpec(Told, frozen=True, kw_only=True):
    """What is to be done: `crawler.job.Job` without this machine's folders. Built by the server alone."""

    job: int  # the tracker's number of it
    kind: str
    number: int  # names the files
    form: str = ""  # of extract: "warc", "wat" or "list"
    #: of extract: address of the archive, which must stand under one of the campaign's `archives`; else ""
    input: str = ""
    #: of the others: the input is GET /v1/leases/{lease}/input, with these bytes
    input_sha256: str = ""
    input_bytes: int = 0
    recipe: str  # digest


class Leased(Told, frozen=True, kw_only=True):
    """One lease. `fence` grows with every lease of a job: an old holder cannot overwrite what a new one did."""

    lease: str
    fence: int
    spec: JobSpec
    expires_in: float  # then others may get the job; a heartbeat extends it. Late results are welcome all the same
    hard_in: float  # then a result is not taken any more


class LeasesTaken(Told, frozen=True, kw_only=True):
    """200 with leases; where there are none: 204 and Retry-After (none now), 410 (campaign is done)."""

    leases: list[Leased]


class Heartbeat(Asked, frozen=True, kw_only=True):
    """POST /v1/leases/{lease}/heartbeat."""

    stage: Annotated[str, msgspec.Meta(max_length=40)] = ""
    done: Count = 0
    total: Count = 0


class HeartbeatTold(Told, frozen=True, kw_only=True):
    """200. `action`: "continue", "abandon" (stop, it is not wanted any more), "drain" (finish, take no more)."""

    expires_in: float
    action: str


class Release(Asked, frozen=True, kw_only=True):
    """POST /v1/leases/{lease}/release: given back unharmed, no penalty."""

    why: Text = ""


class Fail(Asked, frozen=True, kw_only=True):
    """POST /v1/leases/{lease}/fail."""

    #: input: the job's input is broken; network: could not reach it; local: this machine's fault; bug: ours
    fault: Annotated[str, msgspec.Meta(pattern="^(input|network|local|bug)$")]
    detail: LongText = ""


class Done(Told, frozen=True, kw_only=True):
    """200 to what needs no other answer."""

    outcome: str = "done"


# --- results


class Artefact(Asked, frozen=True, kw_only=True):
    """One file that a job made."""

    name: FileName
    bytes: Count
    sha256: Digest


class ReserveUpload(Asked, frozen=True, kw_only=True):
    """POST /v1/leases/{lease}/uploads: asks where one file goes; the same answer every time."""

    file: Artefact


class UploadPermit(Told, frozen=True, kw_only=True):
    """200 (known already) or 201. How the bytes get there.

    `how`: "tus" (PATCH `address`, tus 1.0, with the worker's key), "put" (one PUT with these headers, no key of ours),
    "stored" (the bytes are there already: nothing to do).
    """

    upload: str
    how: str
    address: str = ""  # relative to the tracker, or absolute below one of the campaign's `uploads`
    headers: dict[str, str] = {}
    offset: int = 0
    expires_in: float = 0


class Manifest(Asked, frozen=True, kw_only=True):
    """What a worker says that it did: signed with its Ed25519 key, over `canonical(manifest)`."""

    lease: Text
    job: Count
    fence: Count
    kind: Text
    number: Count
    recipe: Text
    version: Text
    environment: Digest
    artefacts: Annotated[list[Artefact], msgspec.Meta(min_length=1, max_length=64)]
    #: found, kept and each reason, as the job's own report counts them
    counts: Annotated[dict[Text, Count], msgspec.Meta(max_length=500)]
    seconds: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    #: models that have judged: name to provenance (weights' digest, precision)
    engines: Annotated[dict[Text, Text], msgspec.Meta(max_length=16)] = {}


class SubmitResult(Asked, frozen=True, kw_only=True):
    """POST /v1/leases/{lease}/result: every artefact has been uploaded."""

    manifest: Manifest
    signature: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{128}$")]


class ResultTold(Told, frozen=True, kw_only=True):
    """200. The same words whatever the lists say of the bytes: `outcome` is "accepted", "late", "replica", "duplicate".

    Refused are: 403 (somebody else's lease, or revoked), 409 (conflict: another manifest was submitted for this lease),
    422 (an artefact is not stored with these bytes).
    """

    outcome: str


class HeldLeases(Told, frozen=True, kw_only=True):
    """GET /v1/leases: what the tracker thinks this worker holds, for a worker that was killed."""

    leases: list[Leased]


def canonical(message: msgspec.Struct) -> bytes:
    """The bytes of a message that are signed and hashed: JSON with sorted keys and no blanks."""
    return msgspec.json.encode(message, order="deterministic")
