# Everything that setup cannot repair, checked before anything is changed, and said in one message.

preflight() {
  local todo=" $(echo $1) " problems=() node_major=0 free_mb
  [ "$(uname -s)" = Linux ] || problems+=("Linux (this is $(uname -s)): the lab is made of network namespaces")
  [ "$(id -u)" = 0 ] || problems+=("root: run it with sudo, as namespaces, tap devices and packages need it")
  command -v apt-get >/dev/null && [ -r /etc/os-release ] && grep -qiE '^ID(_LIKE)?=.*debian' /etc/os-release ||
    problems+=("Debian 12 or later (or a distribution like it) with apt-get: packages and guest images are Debian's")
  [ "$(uname -m)" = x86_64 ] || problems+=("an x86-64 machine (this is $(uname -m)): guest images are built for it")
  command -v node >/dev/null && node_major=$(node -p 'process.versions.node.split(".")[0]')
  [ "$node_major" -ge 20 ] || problems+=("Node.js 20 or later (found: $(command -v node >/dev/null && node --version || echo none))")
  command -v npm >/dev/null || problems+=("npm")
  command -v flock >/dev/null || problems+=("flock (package util-linux)")
  if [[ $todo == *" temporal "* ]] && ! temporal_can_come; then
    problems+=("a way to get the Temporal CLI, any one of: 'temporal' on PATH; Go 1.25 or later (setup then builds it); or VMSHADOW_TEMPORAL_CLI_URL with VMSHADOW_TEMPORAL_CLI_SHA256 naming the official tar.gz for linux/amd64 (docs.temporal.io/cli)")
  fi
  if [[ $todo == *" selfhosted "* ]] && ! selfhosted_can_come; then
    problems+=("Go 1.25 or later: the Temporal server is built with it")
  fi
  # The Go caches of the Temporal build (3.4 GB, removed afterwards) and two trees of the desktop image.
  free_mb=$(df -Pm "${TMPDIR:-/tmp}" | awk 'NR == 2 { print $4 }')
  [ "$free_mb" -ge 6000 ] || problems+=("6 GB free in ${TMPDIR:-/tmp} (there are $free_mb MB; TMPDIR chooses another place)")
  [ ${#problems[@]} -eq 0 ] && return 0
  {
    echo "setup cannot start, nothing was changed. This machine lacks:"
    printf '  - %s\n' "${problems[@]}"
  } >&2
  exit 69
}
