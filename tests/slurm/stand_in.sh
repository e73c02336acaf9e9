#!/bin/bash
# Stands in for `pairtrawl` where a test is about the batch scripts alone (PAIRTRAWL_COMMAND).
#
# What it does stands in $PAIRTRAWL_RUN/told/VERB.INDEX.RESTART, or else in told/VERB: "SECONDS CODE [RC]": work so
# long unless a signal comes, write RC into the island's `done` file if there is one, leave with CODE.
set -u
told="$PAIRTRAWL_RUN/told"
note() { echo "${verb:-$1} ${SLURM_ARRAY_TASK_ID:-0} ${SLURM_RESTART_COUNT:-0} $*" >>"$told/calls"; }

if [ "$1" = slurm ]; then # the question whether anything is left
  verb=check note "$@"
  read -r code <"$told/check" || code=75
  exit "$code"
fi
verb="$1"
while [ "$verb" = island ] && [ $# -gt 0 ]; do
  [ "$1" != -- ] || verb="$2"
  shift
done
note "$@"
signal=''
trap 'signal=USR1; note USR1' USR1
trap 'signal=TERM; note TERM' TERM
file="$told/$verb.${SLURM_ARRAY_TASK_ID:-0}.${SLURM_RESTART_COUNT:-0}"
[ -r "$file" ] || file="$told/$verb"
rc=''
read -r seconds code rc <"$file" || [ -n "$code" ]
end=$((SECONDS + seconds))
while [ "$SECONDS" -lt "$end" ] && [ -z "$signal" ]; do
  sleep 0.2 &
  wait $!
done
if [ -n "$rc" ]; then
  island="$PAIRTRAWL_RUN/islands/$SLURM_JOB_ID.${SLURM_RESTART_COUNT:-0}.${SLURM_STEP_ID:-0}"
  mkdir -p "$island"
  echo "{\"rc\": $rc}" >"$island/done"
fi
note "left with $code"
exit "$code"
