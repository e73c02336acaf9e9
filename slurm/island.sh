# shellcheck shell=bash
# What the batch scripts of this folder share. Read by them, on the first node of a job; not a script of its own.
#
# One array task is one island: one srun, which starts `pairtrawl island` on every node of the task. This shell only
# passes signals on, and decides at the end whether the task goes back into the queue.
set -u

here="${folder:?}" # where the script that reads this file found it

say() { printf '%s pairtrawl %s: %s\n' "$(date +%FT%T)" "${stage:-slurm}" "$*" >&2; }
refuse() {
  say "$*"
  exit 2
}

# ------------------------------------------------------------------------------------------------------- settings
read_site() { # FILE: its PAIRTRAWL_ lines become variables where the caller has not set them. Never run as a script.
  local line
  while IFS= read -r line || [ -n "$line" ]; do
    [[ $line =~ ^(PAIRTRAWL_[A-Z0-9_]+)=(.*)$ ]] || continue
    [ -n "${!BASH_REMATCH[1]+set}" ] || export "${BASH_REMATCH[1]}=${BASH_REMATCH[2]}"
  done <"$1"
}

settings() {
  if [ -n "${PAIRTRAWL_SITE:-}" ]; then
    local file="$here/sites/$PAIRTRAWL_SITE.env"
    case "$PAIRTRAWL_SITE" in */*) file="$PAIRTRAWL_SITE" ;; esac
    [ -r "$file" ] || refuse "PAIRTRAWL_SITE=$PAIRTRAWL_SITE: there is no $file"
    read_site "$file"
  fi
  [ -n "${PAIRTRAWL_RUN:-}" ] || refuse "PAIRTRAWL_RUN is not set: name the folder of the run, on a file system that all nodes see"
  case "$PAIRTRAWL_RUN" in /*) ;; *) PAIRTRAWL_RUN="$PWD/$PAIRTRAWL_RUN" ;; esac
  slices="${PAIRTRAWL_SLICES:-1}"
  slice=$((${PAIRTRAWL_SLICE_OFFSET:-0} + ${SLURM_ARRAY_TASK_ID:-0}))
  nodes="${SLURM_JOB_NUM_NODES:-1}"
  cpus="${SLURM_CPUS_PER_TASK:-${SLURM_CPUS_ON_NODE:-1}}"
  export PAIRTRAWL_RUN SRUN_CPUS_PER_TASK="$cpus" # since 22.05 srun does not take over sbatch's --cpus-per-task
  # a score never needs the network; elsewhere a hub that cannot be reached costs minutes of retries
  if [ "$stage" = score ] || [ "$stage" = plan ] || [ "${PAIRTRAWL_INTERNET:-nodes}" = none ]; then
    export HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1
  fi
}

lines() { # NAME OF ARRAY, TEXT: one element for each line that is not empty
  local -n into="$1"
  local line
  while IFS= read -r line; do [ -z "$line" ] || into+=("$line"); done <<<"$2"
}

check_internet() {
  case "$stage" in fetch | hybrid | rebuild) ;; *) return 0 ;; esac
  [ "${PAIRTRAWL_INTERNET:-nodes}" = none ] || return 0
  case " ${PAIRTRAWL_INTERNET_PARTITIONS:-} " in *" ${SLURM_JOB_PARTITION:-?} "*) return 0 ;; esac
  refuse "PAIRTRAWL_INTERNET=none: nodes of partition ${SLURM_JOB_PARTITION:-?} have no internet, so nothing can be" \
    "fetched here. ${PAIRTRAWL_INTERNET_ADVICE:-Fetch on a machine that has internet, and score here.}"
}

check_slice() {
  case "$slices$slice" in *[!0-9]*) refuse "PAIRTRAWL_SLICES and PAIRTRAWL_SLICE_OFFSET are numbers" ;; esac
  [ "$slice" -lt "$slices" ] || refuse "slice $slice of $slices: PAIRTRAWL_SLICES says how many there are;" \
    "--array counts from 0, and PAIRTRAWL_SLICE_OFFSET is added"
}

# ---------------------------------------------------------------------------------------------------- what is run
words_for() { # STAGE: sets `words` to the command of pairtrawl that does it
  local verb="$1" gpus inputs=() sets=() one
  case "$verb" in
    hybrid) verb=crawl ;;
    plan | rebuild) # one verb makes the plan of a rebuild and does it; without [rebuild] a list is an archive like any
      if [ "${PAIRTRAWL_REBUILD:-no}" = yes ]; then verb=rebuild; elif [ "$verb" = rebuild ]; then verb=crawl; fi
      ;;
  esac
  if [ "$verb" = report ]; then
    words=("$verb" "$PAIRTRAWL_RUN")
    return
  fi
  words=("$verb")
  # the inputs of a run are pinned by its first phase
  case "$stage$verb" in extract* | hybrid* | rebuild* | planrebuild) lines inputs "${PAIRTRAWL_INPUTS:-}" ;; esac
  words+=(${inputs[@]+"${inputs[@]}"} --output "$PAIRTRAWL_RUN")
  [ -z "${PAIRTRAWL_RECIPE:-}" ] || words+=(--recipe "$PAIRTRAWL_RECIPE")
  lines sets "${PAIRTRAWL_SET:-}"
  for one in ${sets[@]+"${sets[@]}"}; do words+=(--set "$one"); done
  if [ "$stage" = plan ]; then
    [ "$verb" != rebuild ] || words+=(--plan-only)
    return 0
  fi
  gpus=$((${SLURM_GPUS_ON_NODE:-0} * nodes))
  words+=(--scratch @node-local@ --workers "${PAIRTRAWL_WORKERS:-0}") # 0: as many as there is room for
  case "$verb" in
    crawl | score) words+=(--scorers "${PAIRTRAWL_SCORERS:-$((gpus > 0 ? gpus : 1))}") ;;
  esac
  [ "$verb" != score ] || [ "${PAIRTRAWL_DROP_RAW:-no}" != yes ] || words+=(--drop-raw)
  # a whole crawl in one island does every phase; a slice does its own jobs of one phase
  case "$verb" in crawl | rebuild) [ "$slices" -gt 1 ] || return 0 ;; esac
  words+=(--slice "$slice/$slices" --owner "${SLURM_JOB_ID:-0}.${SLURM_RESTART_COUNT:-0}")
  # islands cannot hear each other: each asks a host so much more seldom
  case "$verb" in crawl | fetch | rebuild) words+=(--islands "${PAIRTRAWL_ISLANDS:-$slices}") ;; esac
}

launcher() { # sets `launch` to the srun that reaches every node, `island` to what it starts there
  launch=(srun --nodes="$nodes" --ntasks="$nodes" --ntasks-per-node=1 --cpus-per-task="$cpus"
    --kill-on-bad-exit=0 --wait=0)
  # a node that is lost does not end the step where fewer nodes will do
  [ "${PAIRTRAWL_MIN_NODES:-$nodes}" = "$nodes" ] || launch+=(--no-kill)
  launch+=(bash "$here/node.sh")
  island=(island --run "$PAIRTRAWL_RUN" --join-seconds "${PAIRTRAWL_JOIN_S:-300}"
    --drain-seconds "${PAIRTRAWL_DRAIN_TERM_S:-20}")
  [ -z "${PAIRTRAWL_MIN_NODES:-}" ] || island+=(--min-nodes "$PAIRTRAWL_MIN_NODES")
  [ -z "${PAIRTRAWL_NET_SUFFIX:-}" ] || island+=(--net-suffix "$PAIRTRAWL_NET_SUFFIX")
  [ -z "${PAIRTRAWL_NODE_LOCAL:-}" ] || island+=(--node-local @node-local@)
}

assemble() { # sets `line` to all that is run. A heterogeneous job has a part that fetches and one with GPUs
  line=("${launch[@]}" "${island[@]}" -- "${words[@]}")
  [ "${SLURM_HET_SIZE:-1}" -gt 1 ] || return 0
  # the variables of SLURM name the same partition in both parts of a step, so each is told what it is for
  line=("${launch[0]}" --het-group=0 "${launch[@]:1}" "${island[@]}" --role download -- "${words[@]}"
    : --het-group=1 --nodes="${SLURM_JOB_NUM_NODES_HET_GROUP_1:-1}" --ntasks-per-node=1
    bash "$here/node.sh" "${island[@]}" --role gpu -- "${words[@]}")
}

show() { # WORDS: print them as a shell would take them
  printf '%q ' "$@"
  printf '\n'
}

# ------------------------------------------------------------------------------------------ signals, waiting, codes
drain='' giving_up='' child=''
on_usr1() { # walltime is near, or the task is preempted: what is in flight ends, nothing new begins
  drain=yes
  say "USR1: draining"
  [ -z "$child" ] || kill -USR1 "$child" 2>/dev/null
}
on_term() { # scancel, or the end of a preemption's grace: whoever sends it does not want us to come back
  giving_up=yes
  say "TERM: giving up"
  [ -z "$child" ] || kill -TERM "$child" 2>/dev/null
}

wait_for_child() { # bash's `wait` returns at each signal, so it is repeated until the process is gone
  code=0
  while :; do
    wait "$child"
    code=$?
    kill -0 "$child" 2>/dev/null || break
  done
  child=''
}

spread() { # so that a thousand tasks do not ask the same server, or the file system, in the same second
  local most="${PAIRTRAWL_SPREAD_S:-60}" seconds
  [ "$slices" -gt 1 ] && [ "$most" -gt 0 ] || return 0
  seconds=$((slice * 7919 % (most + 1))) # 7919 is prime: neighbours start far apart
  sleep "$seconds" &
  child=$!
  wait_for_child
}

verdict() { # the code that the driver left, which knows more than srun: one actor killed for memory makes srun fail
  local file found=''
  for file in "$PAIRTRAWL_RUN/islands/${SLURM_JOB_ID:-0}.${SLURM_RESTART_COUNT:-0}."*/done; do
    [[ -r $file && "$(<"$file")" =~ \"rc\":\ ?([0-9]+) ]] && found="${BASH_REMATCH[1]}"
  done
  [ -z "$found" ] || [ "$found" = "$code" ] || say "srun ended with $code, the run itself with $found; the run is believed"
  [ -z "$found" ] || code="$found"
}

go_back() { # requeue this task alone: the bare job id of an array's last task would mean the whole array
  local task="${SLURM_JOB_ID:-}" most="${PAIRTRAWL_MAX_REQUEUE:-20}" restarts="${SLURM_RESTART_COUNT:-0}"
  [ -z "${SLURM_ARRAY_JOB_ID:-}" ] || task="${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"
  if [ "${PAIRTRAWL_CHAIN:-requeue}" != requeue ]; then
    say "work is left; this site does not requeue (PAIRTRAWL_CHAIN)"
  elif [ "$restarts" -ge "$most" ]; then
    say "work is left after $restarts restarts, and more are not allowed (PAIRTRAWL_MAX_REQUEUE):" \
      "pairtrawl slurm retry $PAIRTRAWL_RUN"
  elif scontrol requeue "$task"; then
    say "requeued as $task"
    sleep 60 & # until SLURM ends this attempt; a shell that sleeps itself would not hear that
    wait "$!"
  else
    say "SLURM does not requeue this task; go on with: pairtrawl slurm retry $PAIRTRAWL_RUN"
  fi
}

leave() { # CODE
  say "ends with $1"
  [ "$1" != 75 ] || [ -z "$drain" ] || [ -n "$giving_up" ] || go_back
  exit "$1"
}

nothing_left() { # whether this slice was finished by an earlier link of its chain
  bash "$here/node.sh" slurm check "$PAIRTRAWL_RUN" --stage "$stage" --slice "$slice/$slices" >&2
}

# ---------------------------------------------------------------------------------------------------- entry points
run_islands() { # STAGE: this task's slice of it
  stage="$1"
  local launch island words line
  settings
  check_slice
  check_internet
  launcher
  words_for "$stage"
  assemble
  if [ -n "${PAIRTRAWL_SHOW:-}" ]; then
    show "${line[@]}"
    bash "$here/node.sh" "${island[@]}" -- "${words[@]}"
    exit
  fi
  begin
  [ "${PAIRTRAWL_CHAIN:-requeue}" != singleton ] || ! nothing_left || leave 0
  spread
  [ -z "$drain$giving_up" ] || leave 75
  "${line[@]}" &
  child=$!
  wait_for_child
  verdict
  leave "$code"
}

run_alone() { # STAGE: one process on one node, without an island
  stage="$1"
  local words
  settings
  words_for "$stage"
  if [ -n "${PAIRTRAWL_SHOW:-}" ]; then
    bash "$here/node.sh" "${words[@]}"
    exit
  fi
  begin
  # the plan of a rebuild reads its lists itself
  if [ "$stage" = plan ] && [ "$slices" -gt 1 ] && [ "${PAIRTRAWL_REBUILD:-no}" != yes ]; then # a plan without an archive's rows would be the plan for ever
    bash "$here/node.sh" slurm check "$PAIRTRAWL_RUN" --stage extract ||
      refuse "not every archive is read, so there is no plan: pairtrawl slurm retry $PAIRTRAWL_RUN"
  fi
  bash "$here/node.sh" "${words[@]}" &
  child=$!
  wait_for_child
  leave "$code"
}

begin() {
  [ -n "${SLURM_JOB_ID:-}" ] || refuse "hand this script to sbatch; without SLURM: pairtrawl island -- crawl ..."
  mkdir -p "$PAIRTRAWL_RUN/logs" || exit 2
  trap on_usr1 USR1
  trap on_term TERM
  say "job ${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}_${SLURM_ARRAY_TASK_ID:-0}, slice $slice of $slices, restart" \
    "${SLURM_RESTART_COUNT:-0}, on ${SLURM_JOB_NODELIST:-?}"
}
