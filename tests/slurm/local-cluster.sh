#!/usr/bin/env bash
# A real SLURM (slurmctld, slurmds, munged) on this one machine, for the tests of this folder and for development.
#
#   local-cluster.sh install            apt-get what is missing (slurmctld slurmd slurm-client munge)
#   local-cluster.sh up                 returns when all nodes are idle; harmless when they are
#   local-cluster.sh status             exit 0 when controller and all nodes answer
#   local-cluster.sh exec CMD...        run CMD on the login node
#   local-cluster.sh node NAME CMD...   run CMD on a compute node (netns mode)
#   local-cluster.sh kill-node NAME     cut its power: SIGKILL to everything on it (netns mode)
#   local-cluster.sh boot-node NAME     bring it back
#   local-cluster.sh env                print 'export PATH=...' with wrapped sbatch, srun, ...
#   local-cluster.sh down [--purge]     stop what `up` started, by recorded PID; --purge removes its files, too
#
# Two modes:
#   netns  Each node has its own network, hostname, PIDs, /tmp, /run and /dev/shm. Nodes reach each other and the login
#          node; only the first reaches 10.79.0.1 ("web"), the pretended internet; for the others it is unreachable, as
#          on most supercomputers. The host's own network is never touched. Killing a node's first process kills the
#          whole node, as a power cut does.
#   ports  Where the kernel forbids that: several slurmds on ports of 127.0.0.1, which share everything else.
#
# Nothing is ever killed by name: each PID is recorded with its start time, and both must match.
set -euo pipefail

SELF="$(readlink -f "${BASH_SOURCE[0]}")"
DIR="${SLURM_LOCAL_DIR:-/tmp/slurm-local}"     # files of the cluster; a short path, for it holds a socket
PREFIX="${SLURM_LOCAL_PREFIX:-n}"              # nodes are PREFIX1, PREFIX2, ...; two clusters on one machine must differ
NODES="${SLURM_LOCAL_NODES:-2}"
CPUS="${SLURM_LOCAL_CPUS:-2}"                  # what each node claims to have; may be more than there is
MEM="${SLURM_LOCAL_MEM:-4000}"                 # the same, in MiB
SHARED="${SLURM_LOCAL_SHARED:-$PWD}"           # folders under /tmp that all nodes see, separated by colons
MODE="${SLURM_LOCAL_MODE:-auto}"               # auto, netns or ports
CGROUP="${SLURM_LOCAL_CGROUP:-auto}"           # auto, yes or no: whether memory limits are enforced
PORT="${SLURM_LOCAL_PORT:-16817}"              # of slurmctld; in ports mode, slurmds take those that follow
REQUEUE_DELAY="${SLURM_LOCAL_REQUEUE_DELAY:-5}" # seconds; SLURM makes a requeued job wait for as long as a credential lives
GRACE="${SLURM_LOCAL_GRACE:-10}"               # seconds between a preempted job's warning and its end

NET=10.77.0   # PREFIXn     these networks exist only between the namespaces, so all clusters may use them
NETI=10.78.0  # PREFIXni    a second network, named as the InfiniBand of a supercomputer often is
NETX=10.79.0  # web         the pretended internet, on the login node; the first compute node has an address in it

log() { printf 'local-cluster: %s\n' "$*" >&2; }
die() { log "ERROR: $*"; exit 1; }
names() { local i; for ((i = 1; i <= NODES; i++)); do printf '%s%s\n' "$PREFIX" "$i"; done; }
within() { # SECONDS CMD...: try it ten times a second until it succeeds
  local tries=$(($1 * 10)); shift
  while ! "$@"; do ((tries-- > 0)) || return 1; sleep 0.1; done
}

# ------------------------------------------------------------------------------- processes: PID and start time
start_time() { # field 22 of /proc/PID/stat; the name in field 2 may hold blanks and brackets
  local stat; local -a field
  stat="$(cat "/proc/$1/stat" 2>/dev/null)" || return 1
  read -ra field <<<"${stat##*) }"
  [ "${field[0]}" != Z ] && printf '%s' "${field[19]}"
}
record() { printf '%s %s\n' "$2" "$(start_time "$2")" >"$DIR/run/$1.rec"; }
pid_of() { # NAME: its PID, if that is still the process that was recorded
  local pid started
  read -r pid started 2>/dev/null <"$DIR/run/$1.rec" || return 1
  [ "$(start_time "$pid")" = "$started" ] && printf '%s' "$pid"
}
gone() { ! pid_of "$1" >/dev/null; }
stop() { # NAME SIGNAL SECONDS
  local pid
  if pid="$(pid_of "$1")"; then
    kill "-$2" "$pid" 2>/dev/null || true
    within "$3" gone "$1" || kill -KILL "$pid" 2>/dev/null || true
    within 5 gone "$1" || log "$1 (process $pid) does not end"
  fi
  rm -f "$DIR/run/$1.rec"
}

# ------------------------------------------------------------------------------- what the machine has and can
cmd_install() {
  local -a missing=()
  local pair
  for pair in slurmctld:slurmctld slurmd:slurmd sbatch:slurm-client munged:munge ip:iproute2 nsenter:util-linux; do
    command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] || die "only root can install ${missing[*]}"
  command -v apt-get >/dev/null || die "no apt-get here; install ${missing[*]} by hand"
  log "installing ${missing[*]}"
  # a policy-rc.d that says 101 keeps the packages from starting daemons of their own
  local policy=/usr/sbin/policy-rc.d made=""
  if [ ! -e "$policy" ]; then printf '#!/bin/sh\nexit 101\n' >"$policy"; chmod +x "$policy"; made=1; fi
  # another test may be installing something: the lists have one lock that apt does not wait for
  for _ in 1 2 3 4 5 6; do
    if apt-get update -qq; then break; fi
    log "the package lists could not be renewed"
    sleep 5
  done
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends \
    "${missing[@]}" >/dev/null
  [ -z "$made" ] || rm -f "$policy"
}
can_netns() {
  unshare --net --uts --mount --pid --fork bash -c 'mount -t proc proc /proc && hostname probe && ip link set lo up &&
    ip link add pv0 type veth peer name pv1 && ip link add pb0 type bridge' >/dev/null 2>&1
}
can_cgroup() { # hierarchies of version 1 that we may write to
  local kind probe
  for kind in freezer memory cpuset devices; do
    probe="/sys/fs/cgroup/$kind/slurm_local_probe_$$"
    mkdir "$probe" 2>/dev/null && rmdir "$probe" 2>/dev/null || return 1
  done
}

# ------------------------------------------------------------------------------- configuration
write_settings() {
  local host=ctl address="$NET.1" i=0 name tracking="ProctrackType=proctrack/linuxproc" tasks=task/none
  [ "$MODE" = netns ] || { host="$(hostname -s)"; address=127.0.0.1; }
  [ "$CGROUP" = no ] || { tracking="ProctrackType=proctrack/cgroup"; tasks=task/cgroup; }
  mkdir -p "$DIR"/{etc,log,run,state,bin,munge,nodes}
  chmod 755 "$DIR" "$DIR"/{etc,log,run,state,bin,munge,nodes}
  [ -s "$DIR/munge/munge.key" ] || (umask 077; head -c 1024 /dev/urandom >"$DIR/munge/munge.key")
  {
    printf '127.0.0.1 localhost\n::1 localhost ip6-localhost\n%s.1 ctl\n%s.1 web\n' "$NET" "$NETX"
    for name in $(names); do i=$((i + 1)); printf '%s.%s %s\n%s.%s %si\n' "$NET" $((10 + i)) "$name" "$NETI" $((10 + i)) "$name"; done
  } >"$DIR/etc/hosts"
  {
    cat <<E
ClusterName=local
SlurmctldHost=$host($address)
SlurmctldPort=$PORT
SlurmdPort=$((PORT + 1))
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$DIR/munge/socket,cred_expire=$REQUEUE_DELAY
StateSaveLocation=$DIR/state
SlurmdSpoolDir=$DIR/nodes/%n/spool
SlurmctldPidFile=$DIR/run/slurmctld.pid
SlurmdPidFile=$DIR/run/slurmd.%n.pid
SlurmctldLogFile=$DIR/log/slurmctld.log
SlurmdLogFile=$DIR/log/slurmd.%n.log
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SlurmdTimeout=20
KillWait=10
InactiveLimit=0
# finished jobs stay known to scontrol, for there is no accounting database
MinJobAge=86400
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_min_interval=200000,bf_interval=3,defer_batch
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=500
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
SlurmdParameters=config_overrides
GresTypes=gpu
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=5
PropagateResourceLimits=NONE
$tracking
TaskPlugin=$tasks
E
    i=0
    for name in $(names); do
      i=$((i + 1)); local where="NodeAddr=$NET.$((10 + i))" gpu=""
      [ "$MODE" = netns ] || where="NodeHostname=$host NodeAddr=127.0.0.1 Port=$((PORT + i))"
      [ "$i" != "$NODES" ] || gpu=" Gres=gpu:1"
      echo "NodeName=$name $where CPUs=$CPUS RealMemory=$MEM$gpu State=UNKNOWN"
    done
    cat <<E
PartitionName=batch    Nodes=ALL          Default=YES MaxTime=INFINITE PriorityTier=10 PreemptMode=OFF     State=UP
PartitionName=scavenge Nodes=ALL          Default=NO  MaxTime=INFINITE PriorityTier=1  PreemptMode=REQUEUE GraceTime=$GRACE State=UP
PartitionName=download Nodes=${PREFIX}1   Default=NO  MaxTime=INFINITE PriorityTier=10 PreemptMode=OFF     State=UP
PartitionName=gpu      Nodes=$PREFIX$NODES Default=NO MaxTime=INFINITE PriorityTier=10 PreemptMode=OFF     State=UP
E
  } >"$DIR/etc/slurm.conf"
  # a pretended GPU: any character device will do, but without one SLURM drains the node
  echo "NodeName=$PREFIX$NODES Name=gpu File=/dev/zero" >"$DIR/etc/gres.conf"
  printf 'CgroupPlugin=cgroup/v1\nCgroupMountpoint=/sys/fs/cgroup\nCgroupAutomount=no\nConstrainRAMSpace=yes\n' >"$DIR/etc/cgroup.conf"
  # what every later call must know; the file is there on a node as /etc/slurm/local.env
  printf '%s=%q\n' MODE "$MODE" CGROUP "$CGROUP" NODES "$NODES" PREFIX "$PREFIX" SHARED "$SHARED" >"$DIR/etc/local.env"
}
load_settings() {
  # shellcheck disable=SC1091  # written above
  if [ -f "$DIR/etc/local.env" ]; then . "$DIR/etc/local.env"; fi
}
write_wrappers() {
  local client
  for client in sbatch srun squeue sinfo scancel scontrol salloc sacct; do
    # sbatch hands PATH on to jobs, so a wrapper must also work ON a node, where /etc/slurm is ours: there, the real thing
    printf '#!/bin/sh\n[ -e /etc/slurm/local.env ] && exec /usr/bin/%s "$@"\nSLURM_LOCAL_DIR=%q exec %q exec /usr/bin/%s "$@"\n' \
      "$client" "$DIR" "$SELF" "$client" >"$DIR/bin/$client"
    chmod +x "$DIR/bin/$client"
  done
}

# ------------------------------------------------------------------------------- one machine of the cluster (netns mode)
cmd___machine() { # NAME: runs as the first process of the machine's namespaces
  local name="$1" outer _ private part number
  read -r outer _ </proc/self/stat # /proc is the host's still, and knows us by the host's number
  mount --make-rprivate /
  hostname "$name"
  mount --bind "$DIR/etc/hosts" /etc/hosts
  mkdir -p /etc/slurm
  mount --bind "$DIR/etc" /etc/slurm
  if [ "$name" != ctl ]; then
    private="$DIR/nodes/$name/tmp"
    mkdir -p "$private" "$DIR/nodes/$name/spool"
    chmod 1777 "$private"
    while IFS= read -r -d : part; do
      case "$part" in /tmp/?*) mkdir -p "$private/${part#/tmp/}"; mount --rbind "$part" "$private/${part#/tmp/}" ;; esac
    done <<<"$DIR:$SHARED:"
    mount --rbind "$private" /tmp
    mount -t tmpfs -o size=1g,mode=1777 tmpfs /dev/shm
    mount -t tmpfs -o size=64m,mode=755 tmpfs /run
  fi
  mount -t proc proc /proc
  ip link set lo up
  printf '%s\n' "$outer" >"$DIR/run/$name.init.new"
  mv "$DIR/run/$name.init.new" "$DIR/run/$name.init"
  within 10 has_card || exit 1 # the host hands it in: see `wire`
  if [ "$name" = ctl ]; then
    for part in "$NET" "$NETI" "$NETX"; do ip addr add "$part.1/24" dev eth0; done
    ip link set eth0 up
    start_munged &
    within 10 test -S "$DIR/munge/socket"
    slurmctld -D -f "$DIR/etc/slurm.conf" >>"$DIR/log/slurmctld.out" 2>&1 &
  else
    number=$((10 + ${name#"$PREFIX"}))
    ip addr add "$NET.$number/24" dev eth0
    ip addr add "$NETI.$number/24" dev eth0
    [ "$name" != "${PREFIX}1" ] || ip addr add "$NETX.$number/24" dev eth0
    ip link set eth0 up
    slurmd -D -f "$DIR/etc/slurm.conf" -N "$name" >>"$DIR/log/slurmd.$name.out" 2>&1 &
  fi
  while :; do wait -n 2>/dev/null || sleep 1; done # the first process of a machine buries orphans, for ever
}
has_card() { ip link show eth0 >/dev/null 2>&1; }
start_munged() {
  exec munged --foreground --key-file="$DIR/munge/munge.key" --socket="$DIR/munge/socket" --pid-file="$DIR/run/munged.pid" \
    --seed-file="$DIR/munge/seed" --log-file="$DIR/log/munged.log" --num-threads=2 >>"$DIR/log/munged.out" 2>&1
}
start_machine() { # NAME: unless it runs
  local name="$1"
  gone "$name" || return 0
  rm -f "$DIR/run/$name.init" "$DIR/run/$name.rec"
  SLURM_LOCAL_DIR="$DIR" setsid --fork unshare --net --uts --mount --pid --fork --kill-child=KILL \
    bash "$SELF" __machine "$name" </dev/null >>"$DIR/log/machine.$name.log" 2>&1
  within 10 test -s "$DIR/run/$name.init" || die "machine $name did not start; see $DIR/log/machine.$name.log"
  record "$name" "$(cat "$DIR/run/$name.init")"
  # its card: ctl has the bridge, all others a cable into it. Made inside the namespaces, never in the host's.
  local ctl me; ctl="$(pid_of ctl)"; me="$(pid_of "$name")"
  if [ "$name" = ctl ]; then
    nsenter -t "$me" -n ip link add eth0 type bridge
  else
    nsenter -t "$ctl" -n ip link del "v-$name" 2>/dev/null || true
    nsenter -t "$ctl" -n ip link add "v-$name" type veth peer name eth0 netns "$me"
    nsenter -t "$ctl" -n ip link set "v-$name" master eth0 up
  fi
}

# ------------------------------------------------------------------------------- the same, all on this machine (ports mode)
start_daemon() { # NAME PIDFILE CMD...
  local name="$1" file="$2"; shift 2
  rm -f "$file"
  setsid --fork "$@" </dev/null >>"$DIR/log/$name.out" 2>&1
  within 10 test -s "$file" || die "$name did not start; see $DIR/log/$name.out"
  record "$name" "$(cat "$file")"
}
start_daemons() {
  local name
  start_daemon munged "$DIR/run/munged.pid" munged --foreground --key-file="$DIR/munge/munge.key" \
    --socket="$DIR/munge/socket" --pid-file="$DIR/run/munged.pid" --seed-file="$DIR/munge/seed" --log-file="$DIR/log/munged.log"
  start_daemon slurmctld "$DIR/run/slurmctld.pid" slurmctld -D -f "$DIR/etc/slurm.conf"
  for name in $(names); do
    mkdir -p "$DIR/nodes/$name/spool"
    start_daemon "slurmd.$name" "$DIR/run/slurmd.$name.pid" slurmd -D -f "$DIR/etc/slurm.conf" -N "$name"
  done
}

# ------------------------------------------------------------------------------- up, down, and what is asked between
cmd_up() {
  local name
  [ "$(id -u)" = 0 ] || die "only root can start a cluster"
  [ ${#DIR} -le 80 ] || die "$DIR: too long for the path of a socket; set SLURM_LOCAL_DIR to a shorter one"
  [ "$DIR" = "${DIR%:*}" ] || die "$DIR: may not hold a colon"
  cmd_install
  if is_up; then log "already up in $DIR"; return 0; fi
  (cmd_down "") >/dev/null 2>&1 || true # what an earlier one left
  [ "$MODE" != auto ] || { if can_netns; then MODE=netns; else MODE=ports; fi; }
  [ "$MODE" != netns ] || can_netns || die "the kernel gives us no namespaces"
  [ "$CGROUP" != auto ] || { if can_cgroup; then CGROUP=yes; else CGROUP=no; fi; }
  write_settings
  write_wrappers
  if [ "$MODE" = netns ]; then
    start_machine ctl
    for name in $(names); do start_machine "$name"; done
  else
    start_daemons
  fi
  # SLURM remembers that a node was drained or down over restarts
  for name in $(names); do (cmd_exec timeout 10 scontrol update "nodename=$name" state=resume) >/dev/null 2>&1 || true; done
  within 60 is_up || { cmd_status || true; die "nodes did not become idle; see $DIR/log"; }
  log "up: mode=$MODE cgroup=$CGROUP nodes=$(names | paste -sd,) in $DIR"
}
cmd_exec() {
  load_settings
  local pid
  if [ "$MODE" = netns ]; then
    pid="$(pid_of ctl)" || die "not up (run: $SELF up)"
    exec nsenter -t "$pid" -m -u -n -p --wdns="$PWD" -- "$@"
  fi
  SLURM_CONF="$DIR/etc/slurm.conf" exec "$@"
}
cmd_node() {
  load_settings
  local pid
  [ "$MODE" = netns ] || die "only in netns mode: nodes are no machines of their own here"
  pid="$(pid_of "$1")" || die "node $1 is not up"
  shift
  exec nsenter -t "$pid" -m -u -n -p --wdns=/ -- "$@"
}
cmd_status() {
  load_settings
  local ping states up
  [ -f "$DIR/etc/slurm.conf" ] || { echo down; return 3; }
  ping="$( (cmd_exec timeout 5 scontrol ping) 2>/dev/null || true)" # no pipe: grep -q would end scontrol with SIGPIPE
  [[ "$ping" == *"is UP"* ]] || { echo "slurmctld: down"; return 3; }
  states="$( (cmd_exec timeout 5 sinfo -h -N -p batch -o '%N %T') 2>/dev/null || true)"
  # exact words: `drained`, `inval` and `idle*` (which does not answer) do not count
  up="$(grep -cE ' (idle|mixed|allocated|completing)$' <<<"$states" || true)"
  printf '%s\nmode=%s cgroup=%s nodes up: %s of %s\n' "$states" "$MODE" "$CGROUP" "$up" "$NODES"
  [ "$up" = "$NODES" ]
}
is_up() { (cmd_status) >/dev/null 2>&1; }
cmd_kill-node() {
  load_settings
  local pid
  [ "$MODE" = netns ] || die "only in netns mode: nodes are no machines of their own here"
  pid="$(pid_of "$1")" || die "node $1 is not up"
  kill -KILL "$pid"
  within 10 gone "$1" || die "node $1 does not end"
  rm -f "$DIR/run/$1.rec"
}
cmd_boot-node() { load_settings; start_machine "$1"; }
# shellcheck disable=SC2016  # $PATH is for whoever evaluates it
cmd_env() { printf 'export PATH=%q:$PATH\n' "$DIR/bin"; }
cmd_down() {
  load_settings
  local name kind ctl
  [ -d "$DIR/run" ] || return 0
  if ctl="$(pid_of ctl)"; then # gently, so that it saves its state
    nsenter -t "$ctl" -m -u -n -p -- timeout 10 scontrol shutdown slurmctld >/dev/null 2>&1 || true
  fi
  for name in $(names); do stop "$name" KILL 5; stop "slurmd.$name" TERM 10; done
  stop ctl KILL 5
  stop slurmctld TERM 15
  stop munged TERM 5
  for kind in freezer memory cpuset devices cpu cpuacct; do
    for name in $(names); do
      [ ! -d "/sys/fs/cgroup/$kind/slurm_$name" ] || within 5 remove_cgroup "/sys/fs/cgroup/$kind/slurm_$name" || true
    done
  done
  rm -f "$DIR"/run/*.pid "$DIR"/run/*.init "$DIR"/munge/socket*
  if [ "${1:-}" = --purge ]; then
    for name in etc log run state bin munge nodes; do rm -rf "${DIR:?}/$name"; done
    rmdir "$DIR" 2>/dev/null || true
  fi
  log "down"
}
remove_cgroup() { find "$1" -depth -type d -exec rmdir {} + 2>/dev/null; [ ! -d "$1" ]; }

case "${1:-}" in
  install | up | down | status | exec | node | kill-node | boot-node | env) verb="$1"; shift; "cmd_$verb" "$@" ;;
  __machine) load_settings; cmd___machine "$2" ;;
  *) sed -n '2,/^set /{/^#/p}' "$SELF"; exit 2 ;;
esac
