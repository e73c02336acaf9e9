-- The tables, in the SQL that SQLite and PostgreSQL share: version 1. {serial} (a number that counts up by itself, never
-- the same twice) and {real} (8 bytes) are the two words that differ; migrations.py fills them in and cuts at semicolons.
-- Times are seconds since 1970 by the tracker's clock; digests are hex; `_json` is JSON text; 0 and 1 are no and yes.
-- Numbers of jobs and results are BIGINT, of accounts and workers INTEGER: 2^31 of those would be a good many.

-- schema_version (migrations.py), clock (workers/tracker/clock.py), and what `moves` keep there

CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);

CREATE TABLE accounts (
  id {serial}, name TEXT NOT NULL UNIQUE, token_digest TEXT NOT NULL UNIQUE, opened_at {real} NOT NULL,
  network TEXT NOT NULL DEFAULT '',            -- of whoever opened it: a keyed digest, never the address
  legacy INTEGER NOT NULL DEFAULT 0            -- opened through the old API: never trusted
);

CREATE TABLE workers (
  id {serial}, account INTEGER NOT NULL REFERENCES accounts (id), name TEXT NOT NULL DEFAULT '',
  key_digest TEXT NOT NULL UNIQUE, public_key TEXT NOT NULL, version TEXT NOT NULL, environment TEXT NOT NULL,
  machine_json TEXT NOT NULL, network TEXT NOT NULL DEFAULT '',
  network_before TEXT NOT NULL DEFAULT '', network_at {real} NOT NULL DEFAULT 0,  -- the one that it left, and when
  selftest_ok INTEGER NOT NULL DEFAULT 0,      -- of this version and environment
  state TEXT NOT NULL,                         -- WorkerState: the operator's word and the suspension of the machine
  state_until {real},                          -- of a suspension
  failures_in_a_row INTEGER NOT NULL DEFAULT 0,
  quota {real} NOT NULL DEFAULT 4,               -- leases at a time: doubles with good results, minus one with bad ones, floor 1
  registered_at {real} NOT NULL, seen_at {real} NOT NULL
);
CREATE INDEX workers_of_account ON workers (account);

CREATE TABLE jobs (
  id {serial}, kind TEXT NOT NULL, number INTEGER NOT NULL,
  content_id TEXT NOT NULL UNIQUE,             -- of kind, number, input and recipe: importing twice is harmless. A gold copy has another
  input TEXT NOT NULL DEFAULT '', form TEXT NOT NULL DEFAULT '',
  input_sha256 TEXT NOT NULL DEFAULT '', input_bytes BIGINT NOT NULL DEFAULT 0,   -- '' until it is first handed out
  state TEXT NOT NULL, shuffle BIGINT NOT NULL,  -- random: jobs are handed out in this order
  not_before {real} NOT NULL DEFAULT 0,
  need INTEGER NOT NULL DEFAULT 1,             -- results wanted, of different accounts
  fence INTEGER NOT NULL DEFAULT 0,            -- leases so far
  failures INTEGER NOT NULL DEFAULT 0,         -- by workers that do other jobs well
  gold INTEGER NOT NULL DEFAULT 0,             -- 1: the answer is known (gold_json); never in the data set
  gold_json TEXT NOT NULL DEFAULT '',
  made_from BIGINT                             -- the job whose committed result is this one's input; taken back with it
);
CREATE INDEX jobs_ready ON jobs (kind, shuffle) WHERE state = 'ready';
CREATE INDEX jobs_later ON jobs (not_before) WHERE state = 'backoff';
CREATE INDEX jobs_to_commit ON jobs (id) WHERE state = 'verified';
CREATE INDEX jobs_poisoned ON jobs (id) WHERE state = 'poisoned';
CREATE INDEX jobs_gold ON jobs (kind, shuffle) WHERE gold = 1 AND state = 'ready';
CREATE INDEX jobs_gold_copies ON jobs (kind, number) WHERE gold = 1;
CREATE INDEX jobs_made_from ON jobs (made_from) WHERE made_from IS NOT NULL;
-- counts are kept, not counted: 8.57 million rows would be read for every page. Each change adds rows, which are folded
-- now and then; a count is their sum. (One row for each state would be what all processes wait for.)
CREATE TABLE job_counts (kind TEXT NOT NULL, gold INTEGER NOT NULL, state TEXT NOT NULL, jobs BIGINT NOT NULL);

CREATE TABLE leases (
  id TEXT PRIMARY KEY, job BIGINT NOT NULL REFERENCES jobs (id), worker INTEGER NOT NULL REFERENCES workers (id),
  account INTEGER NOT NULL, fence INTEGER NOT NULL, state TEXT NOT NULL, version TEXT NOT NULL,
  granted_at {real} NOT NULL, expires_at {real} NOT NULL, hard_at {real} NOT NULL, seen_at {real} NOT NULL,
  stage TEXT NOT NULL DEFAULT '', done BIGINT NOT NULL DEFAULT 0, total BIGINT NOT NULL DEFAULT 0,
  fault TEXT NOT NULL DEFAULT '', detail TEXT NOT NULL DEFAULT '',
  UNIQUE (job, fence)
);
CREATE INDEX leases_active ON leases (expires_at) WHERE state = 'active';
CREATE INDEX leases_of_worker ON leases (worker) WHERE state = 'active';
CREATE INDEX leases_of_job ON leases (job);
CREATE INDEX leases_expired ON leases (expires_at) WHERE state = 'expired';
CREATE INDEX leases_failed ON leases (worker) WHERE state IN ('failed', 'expired');

CREATE TABLE results (
  id {serial}, lease TEXT NOT NULL UNIQUE REFERENCES leases (id), job BIGINT NOT NULL REFERENCES jobs (id),
  worker INTEGER NOT NULL, account INTEGER NOT NULL, version TEXT NOT NULL, kind TEXT NOT NULL,
  received_at {real} NOT NULL, state TEXT NOT NULL, canonical INTEGER NOT NULL DEFAULT 0,
  due INTEGER NOT NULL DEFAULT 0,              -- 1: its job has all the results that it needs, so that they are looked at
  in_data INTEGER NOT NULL DEFAULT 0,          -- 1: its files are in the data set, or may be
  manifest_json TEXT NOT NULL, manifest_sha256 TEXT NOT NULL, signature TEXT NOT NULL,
  checker TEXT NOT NULL DEFAULT '', check_until {real}, concluded_at {real}, why TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX results_canonical ON results (job) WHERE canonical = 1;
CREATE INDEX results_to_check ON results (id) WHERE state IN ('received', 'checking');
CREATE INDEX results_due ON results (id) WHERE state IN ('received', 'checking') AND due = 1;
CREATE INDEX results_of_job ON results (job);
CREATE INDEX results_to_withdraw ON results (job) WHERE state = 'revoked' AND in_data = 1;
CREATE INDEX results_replicas ON results (id) WHERE state = 'valid' AND canonical = 0;
CREATE INDEX results_of_worker ON results (worker, id);

CREATE TABLE uploads (
  id TEXT PRIMARY KEY, lease TEXT NOT NULL REFERENCES leases (id), worker INTEGER NOT NULL,
  name TEXT NOT NULL, bytes BIGINT NOT NULL, sha256 TEXT NOT NULL, state TEXT NOT NULL,
  offset_bytes BIGINT NOT NULL DEFAULT 0, target TEXT NOT NULL, made_at {real} NOT NULL, moved_at {real} NOT NULL,
  UNIQUE (lease, name)
);
CREATE INDEX uploads_open ON uploads (moved_at) WHERE state IN ('reserved', 'partial', 'stored');
CREATE INDEX uploads_promoted ON uploads (moved_at) WHERE state = 'promoted';

-- what was answered to an Idempotency-Key
CREATE TABLE replies (
  who TEXT NOT NULL, key TEXT NOT NULL, asked_sha256 TEXT NOT NULL, status INTEGER NOT NULL, told TEXT NOT NULL,
  at {real} NOT NULL, PRIMARY KEY (who, key)
);
CREATE INDEX replies_old ON replies (at);

-- every measurement of every check, for ever: a new detector can be run over history
CREATE TABLE signals (
  id {serial}, result BIGINT NOT NULL REFERENCES results (id), worker INTEGER NOT NULL, account INTEGER NOT NULL,
  version TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, verdict TEXT NOT NULL,   -- trust.Said
  looked BIGINT NOT NULL DEFAULT 0, wrong BIGINT NOT NULL DEFAULT 0, detail TEXT NOT NULL DEFAULT '', at {real} NOT NULL
);
CREATE INDEX signals_of_worker ON signals (worker, id);
CREATE INDEX signals_not_good ON signals (at) WHERE verdict IN ('bad', 'odd');
CREATE INDEX signals_of_result ON signals (result);

CREATE TABLE trust (
  account INTEGER NOT NULL, worker INTEGER NOT NULL, version TEXT NOT NULL, kind TEXT NOT NULL,
  good {real} NOT NULL, bad {real} NOT NULL, state TEXT NOT NULL, checked_at {real} NOT NULL,
  last_good_result BIGINT NOT NULL DEFAULT 0,  -- up to here everything was believed at the last good whole check
  PRIMARY KEY (account, worker, version, kind)
);

-- verified work, append-only: what is taken back is a row with negative numbers
CREATE TABLE ledger (
  id {serial}, result BIGINT NOT NULL, job BIGINT NOT NULL, worker INTEGER NOT NULL, account INTEGER NOT NULL,
  kind TEXT NOT NULL, jobs INTEGER NOT NULL, pairs BIGINT NOT NULL, bytes BIGINT NOT NULL, at {real} NOT NULL
);
CREATE INDEX ledger_of_account ON ledger (account, id);
CREATE INDEX ledger_of_result ON ledger (result);
CREATE INDEX ledger_at ON ledger (at);
-- the ledger's sums, for the leaderboard
CREATE TABLE credit (
  worker INTEGER NOT NULL, account INTEGER NOT NULL, kind TEXT NOT NULL,
  jobs BIGINT NOT NULL, pairs BIGINT NOT NULL, bytes BIGINT NOT NULL, PRIMARY KEY (worker, kind)
);

-- for pages and operators
CREATE TABLE events (id {serial}, at {real} NOT NULL, what TEXT NOT NULL, worker INTEGER, job BIGINT, detail TEXT NOT NULL DEFAULT '');
CREATE INDEX events_at ON events (at);

CREATE TABLE versions (version TEXT PRIMARY KEY, state TEXT NOT NULL, why TEXT NOT NULL DEFAULT '');

-- clients of the old API (docs/legacy-api.md): what they say is kept apart from everything that is believed
CREATE TABLE legacy_workers (
  token_digest TEXT PRIMARY KEY, display_name TEXT NOT NULL UNIQUE, type TEXT NOT NULL, nickname TEXT NOT NULL,
  account BIGINT NOT NULL REFERENCES accounts (id), half BIGINT,     -- the number of the half WAT that it holds
  progress TEXT NOT NULL, jobs_completed INTEGER NOT NULL DEFAULT 0,
  first_seen {real} NOT NULL, last_seen {real} NOT NULL,
  gone INTEGER NOT NULL DEFAULT 0              -- was silent for too long: may still hand in what it held
);
CREATE INDEX legacy_workers_seen ON legacy_workers (gone, last_seen);
-- only halves that a client was ever offered; `job` stays as it is whatever happens here
CREATE TABLE legacy_halves (
  number BIGINT PRIMARY KEY, job BIGINT NOT NULL REFERENCES jobs (id), url_sha256 TEXT NOT NULL, state TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0, offered_at {real} NOT NULL, holder TEXT NOT NULL DEFAULT '',
  note TEXT NOT NULL DEFAULT '', note_sha256 TEXT NOT NULL DEFAULT '', nickname TEXT NOT NULL DEFAULT '', told_pairs BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX legacy_halves_free ON legacy_halves (state, attempts, number) WHERE state IN ('open', 'gpu');
CREATE INDEX legacy_halves_offered ON legacy_halves (offered_at) WHERE state = 'open';
CREATE INDEX legacy_halves_noted ON legacy_halves (note_sha256) WHERE note_sha256 <> '';
CREATE INDEX legacy_halves_url ON legacy_halves (url_sha256);
CREATE TABLE legacy_counts (state TEXT PRIMARY KEY, halves BIGINT NOT NULL);
