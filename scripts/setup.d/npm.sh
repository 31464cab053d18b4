# node_modules, from the lock file and nothing else. A stamp with the lock file's hash tells a finished installation from half of one.

NPM_STAMP=node_modules/.vmshadow-lock
npm_lock_hash() { sha256sum package-lock.json | cut -d' ' -f1; }

npm_done() {
  [ -d node_modules ] || return 1
  [ "$(cat "$NPM_STAMP" 2>/dev/null)" = "$(npm_lock_hash)" ] && return 0
  # Somebody ran npm themselves after the lock file last changed.
  [ node_modules/.package-lock.json -nt package-lock.json ]
}

npm_install() {
  local log=$1 prefix
  say npm "npm ci"
  # Native modules build against Node's headers: those beside node itself, where there are some, spare a download.
  prefix=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
  [ -f "$prefix/include/node/node.h" ] && export npm_config_nodedir=$prefix
  npm ci --no-audit --no-fund >>"$log" 2>&1
  npm_lock_hash >"$NPM_STAMP"
}
