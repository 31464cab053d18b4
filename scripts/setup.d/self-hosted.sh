# What `npm run test:self-hosted` needs beside the rest, and only that: a Temporal server as in production, with the tool that sets up its
# database, from the Go module proxy, and Debian's PostgreSQL. The release is the one inside the Temporal CLI (temporal.sh).

TEMPORAL_SERVER_VERSION=1.29.1

selfhosted_built() { [ -x "$CACHE/bin/temporal-server-$TEMPORAL_SERVER_VERSION" ] && [ -x "$CACHE/bin/temporal-sql-tool-$TEMPORAL_SERVER_VERSION" ]; }
selfhosted_done() { installed postgresql && selfhosted_built; }
selfhosted_can_come() { selfhosted_built || go_command >/dev/null; }

selfhosted_install() {
  local log=$1
  if ! installed postgresql; then
    say selfhosted "installing PostgreSQL"
    apt_quietly update
    apt_quietly install postgresql
  fi
  selfhosted_built && return 0
  mkdir -p "$CACHE/bin"
  say selfhosted "building the Temporal server $TEMPORAL_SERVER_VERSION: some 10 minutes on two cores"
  go_install "$log" "" \
    "temporal-server-$TEMPORAL_SERVER_VERSION=go.temporal.io/server/cmd/server@v$TEMPORAL_SERVER_VERSION" \
    "temporal-sql-tool-$TEMPORAL_SERVER_VERSION=go.temporal.io/server/cmd/tools/sql@v$TEMPORAL_SERVER_VERSION"
}
