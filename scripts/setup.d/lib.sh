# What all steps of scripts/setup share: one line of progress with a time, steps in the background, and their end.

say() { printf '[%s] %-8s %s\n' "$(date +%H:%M:%S)" "$1" "$2"; }

# Run the step named $1 unless it is done; say how long it took. Its detailed output goes to a log; a failure shows the end of it.
run_step() {
  local name=$1 begun=$SECONDS log=$CACHE/log/$1.log status=0
  if "${name}_done"; then
    say "$name" "already there"
    return 0
  fi
  : >"$log"
  # Waited for, not `|| status=`: bash ignores `set -e` in everything left of `||`.
  ( set -e; "${name}_install" "$log" ) &
  wait $! || status=$?
  if [ $status -ne 0 ]; then
    say "$name" "FAILED after $((SECONDS - begun)) s; the end of $log:"
    tail -n 15 "$log" | sed 's/^/    /'
    return $status
  fi
  say "$name" "done in $((SECONDS - begun)) s"
}

background_pids=()
in_background() {
  # A process group of its own (set -m), so that everything it started can be ended with it.
  set -m
  run_step "$1" &
  background_pids+=($!)
  set +m
}

# Wait for all; the first failure ends the others, since setup as a whole has failed.
wait_background() {
  local pid
  for pid in "${background_pids[@]}"; do
    wait "$pid" || exit 1
  done
  background_pids=()
}

stop_background() {
  local pid
  for pid in "${background_pids[@]}"; do kill -TERM -- "-$pid" 2>/dev/null || true; done
  wait
}

# True when version $1 is at least $2.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }
