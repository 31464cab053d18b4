# The `temporal` command (development server, UI and client in one): from PATH, else the cache, else the official archive with its
# checksum, else built with Go. 1.5.1 is the last tag that `go install` accepts: later ones carry a `replace`.

TEMPORAL_VERSION=1.5.1
GO_MIN=1.25

# Print the path of the Temporal CLI, if there is one.
temporal_path() {
  if command -v temporal; then return 0; fi
  [ -x "$CACHE/bin/temporal" ] && echo "$CACHE/bin/temporal"
}
temporal_done() { temporal_path >/dev/null; }

go_command() {
  local go version
  for go in "$(command -v go)" /usr/local/go/bin/go; do
    [ -x "$go" ] || continue
    version=$("$go" env GOVERSION 2>/dev/null | sed 's/^go//')
    at_least "$version" $GO_MIN && echo "$go" && return 0
  done
  return 1
}
temporal_can_come() { [ -n "${VMSHADOW_TEMPORAL_CLI_URL:-}" ] || go_command >/dev/null; }

temporal_install() {
  local log=$1
  mkdir -p "$CACHE/bin"
  if [ -n "${VMSHADOW_TEMPORAL_CLI_URL:-}" ]; then
    temporal_download "$log" && return 0
    go_command >/dev/null || return 1
    say temporal "the download failed ($log); building it instead"
  fi
  temporal_build "$log"
}

temporal_download() {
  local log=$1 work
  [ -n "${VMSHADOW_TEMPORAL_CLI_SHA256:-}" ] || { echo "VMSHADOW_TEMPORAL_CLI_URL is set, VMSHADOW_TEMPORAL_CLI_SHA256 is not: nothing unchecked is run" >>"$log"; return 1; }
  work=$(mktemp -d)
  say temporal "downloading the official archive"
  if node -e 'fetch(process.argv[1], {signal: AbortSignal.timeout(300000)}).then(async (r) => { if (!r.ok) throw new Error("HTTP " + r.status); require("fs").writeFileSync(process.argv[2], Buffer.from(await r.arrayBuffer())); }).catch((e) => { console.error(String(e), String(e.cause ?? "")); process.exit(1); })' \
      "$VMSHADOW_TEMPORAL_CLI_URL" "$work/archive" >>"$log" 2>&1 &&
    echo "$VMSHADOW_TEMPORAL_CLI_SHA256  $work/archive" | sha256sum -c - >>"$log" 2>&1 &&
    tar -xzf "$work/archive" -C "$work" temporal >>"$log" 2>&1; then
    mv "$work/temporal" "$CACHE/bin/temporal"
    rm -rf "$work"
    return 0
  fi
  rm -rf "$work"
  return 1
}

temporal_build() {
  local log=$1
  say temporal "building the Temporal CLI $TEMPORAL_VERSION with $("$(go_command)" env GOVERSION): 5 to 8 minutes on two cores"
  go_install "$log" "-X github.com/temporalio/cli/temporalcli.Version=$TEMPORAL_VERSION" \
    temporal=github.com/temporalio/cli/cmd/temporal@v$TEMPORAL_VERSION
}

# Build programs from the Go module proxy into the cache: LOG, flags of the linker, and NAME=PACKAGE@VERSION of each.
go_install() {
  local log=$1 flags=$2 work status=0 program package
  shift 2
  # The Go caches take 3.4 GB and go away with the folder.
  work=$(mktemp -d "${TMPDIR:-/tmp}/vmshadow-go.XXXXXX")
  # Expanded now: at the end of the subshell the local variable is gone. The module cache is read-only.
  trap "chmod -R u+w '$work'; rm -rf '$work'" EXIT
  trap 'exit 130' INT TERM HUP
  GOPATH=$work/path GOCACHE=$work/cache GOBIN=$work/bin GOFLAGS= CGO_ENABLED=0 nice -n 5 "$(go_command)" install \
    -ldflags "-s -w $flags" "${@#*=}" >>"$log" 2>&1 || status=$?
  [ $status -eq 0 ] || return $status
  for program; do
    package=${program#*=} package=${package%@*}
    mv "$work/bin/${package##*/}" "$CACHE/bin/${program%%=*}"
  done
}
