"""Leases: taking, keeping, giving back; and results. What may follow what is decided in the moves."""

from __future__ import annotations

import hashlib

import msgspec

from workers.failpoints import failpoint
from workers.protocol.campaign import is_signed
from workers.protocol.messages import (
    Done,
    Fail,
    Heartbeat,
    HeartbeatTold,
    HeldLeases,
    JobSpec,
    Leased,
    LeasesTaken,
    Release,
    ResultTold,
    SubmitResult,
    TakeLeases,
    canonical,
)
from workers.tracker.moves import jobs, leases, results
from workers.tracker.moves.records import LeaseRow, Terms
from workers.tracker.store import Tx
from workers.tracker.web import inputs
from workers.tracker.web.call import Answer, Call, Refused
from workers.tracker.web.ending import is_done
from workers.tracker.web.tracker import Tracker

_PAUSED_SECONDS = 300.0


async def make_sure_of_room(call: Call) -> None:
    """Before a lease: whether its caller is not too fast, and whether there is room for what it would make."""
    token = call.request.headers.get("Authorization", "")
    who = hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
    if wait := call.tracker.limits.leases.take(who, call.now):
        raise Refused(429, "too_fast", "too many requests for leases; come later", max(1.0, wait))
    await call.tracker.room.make_sure(call.now)


def take(tx: Tx, call: Call) -> Answer:
    """POST /v1/leases."""
    asked, tracker = call.asked(TakeLeases), call.tracker
    taken = leases.take(
        tx, call.now, worker=call.worker, kinds=asked.kinds, most=asked.most, version=asked.version,
        terms=terms(tracker), policy=tracker.settings.trust,
    )  # fmt: skip
    if taken:
        return Answer(200, LeasesTaken(leases=[_leased(tracker, one, call.now) for one in taken]))
    if is_done(jobs.counts(tx), tracker.campaign.kinds):
        raise Refused(410, "done", "the campaign has all that it wanted; thank you")
    # ten thousand idle workers that ask once a minute are 167 requests a second
    wait = _PAUSED_SECONDS if jobs.is_paused(tx) else tracker.campaign.heartbeat_seconds
    raise Refused(204, "none", "no job now", wait)  # not remembered: nothing has happened


async def tell_inputs(call: Call, told: bytes) -> bytes:
    """The remembered answer with the digests of inputs that nobody had hashed when it was made."""
    failpoint("web.lease_committed")
    taken = msgspec.json.decode(told, type=LeasesTaken)
    if all(one.spec.input or one.spec.input_sha256 for one in taken.leases):
        return told
    found = await inputs.hashed(call.tracker, [one.lease for one in taken.leases])
    return msgspec.json.encode(LeasesTaken(leases=[_with_input(one, found) for one in taken.leases]))


def _with_input(leased: Leased, found: dict[str, tuple[str, int]]) -> Leased:
    if leased.spec.input or leased.spec.input_sha256 or leased.lease not in found:
        return leased
    sha256, size = found[leased.lease]
    spec = msgspec.structs.replace(leased.spec, input_sha256=sha256, input_bytes=size)
    return msgspec.structs.replace(leased, spec=spec)


async def held(call: Call) -> HeldLeases:
    """What GET /v1/leases tells."""
    rows = await call.tracker.store.look(lambda tx: leases.held(tx, call.now, call.worker))
    return HeldLeases(leases=[_leased(call.tracker, one, call.now) for one in rows])


def heartbeat(tx: Tx, call: Call) -> Answer:
    """POST /v1/leases/{lease}/heartbeat."""
    asked = call.asked(Heartbeat)
    renewed = leases.renew(
        tx, call.now, worker=call.worker, lease=call.named("lease"), stage=asked.stage, done=asked.done,
        total=asked.total, terms=terms(call.tracker),
    )  # fmt: skip
    return Answer(200, HeartbeatTold(expires_in=renewed.expires_in, action=renewed.action))


def release(tx: Tx, call: Call) -> Answer:
    """POST /v1/leases/{lease}/release."""
    leases.give_back(tx, call.now, worker=call.worker, lease=call.named("lease"), why=call.asked(Release).why)
    return Answer(200, Done())


def fail(tx: Tx, call: Call) -> Answer:
    """POST /v1/leases/{lease}/fail."""
    asked = call.asked(Fail)
    leases.fail(tx, call.now, worker=call.worker, lease=call.named("lease"), fault=asked.fault, detail=asked.detail)
    return Answer(200, Done())


def submit(tx: Tx, call: Call) -> Answer:
    """POST /v1/leases/{lease}/result."""
    asked, lease = call.asked(SubmitResult), call.named("lease")
    content = canonical(asked.manifest)
    if asked.manifest.lease != lease:
        raise Refused(422, "wrong_manifest", "the manifest is of another lease than the address")
    if asked.manifest.recipe != call.tracker.campaign.recipe_digest:
        raise Refused(422, "wrong_recipe", "the manifest is of another recipe than the campaign")
    if not is_signed(call.worker.public_key, asked.signature, content):
        raise Refused(422, "bad_signature", "the manifest is not signed by the key that this worker registered")
    outcome = results.submit(
        tx, call.now, worker=call.worker, lease=lease, manifest=asked.manifest,
        manifest_sha256=hashlib.sha256(content).hexdigest(), signature=asked.signature,
    )  # fmt: skip
    return Answer(200, ResultTold(outcome=outcome))


def terms(tracker: Tracker) -> Terms:
    """Of leases, as the campaign says."""
    campaign = tracker.campaign
    return Terms(campaign.lease_seconds, campaign.hard_seconds, campaign.min_version)


def _leased(tracker: Tracker, row: LeaseRow, now: float) -> Leased:
    """A lease as its worker is told it. Another machine's durations begin when it hears of them."""
    by_address = row.kind == "extract"
    spec = JobSpec(
        job=row.told_job,
        kind=row.kind,
        number=row.number,
        form=row.form,
        input=row.input if by_address else "",
        input_sha256="" if by_address else row.input_sha256,
        input_bytes=0 if by_address else row.input_bytes,
        recipe=tracker.campaign.recipe_digest,
    )
    return Leased(
        lease=row.lease, fence=row.fence, spec=spec, expires_in=max(0.0, row.expires_at - now),
        hard_in=max(0.0, row.hard_at - now),
    )  # fmt: skip
