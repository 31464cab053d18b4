# Debian packages (packages.txt beside this file). QEMU must be 8.2 or later: block-job-change, which makes replication synchronous.

QEMU_MIN=8.2
QEMU_PACKAGES="qemu-system-x86 qemu-utils qemu-block-extra"

package_list() { sed 's/#.*//' scripts/setup.d/packages.txt | xargs; }
installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
missing_packages() { for p in $(package_list); do installed "$p" || echo "$p"; done; }
# Whatever the package, what counts is the program: an operator's own build will do.
qemu_done() {
  local version
  version=$(qemu-system-x86_64 --version 2>/dev/null | sed -n 's/.*version \([0-9.]*\).*/\1/p')
  [ -n "$version" ] && at_least "$version" $QEMU_MIN && command -v qemu-storage-daemon qemu-img qemu-io >/dev/null
}
packages_done() { [ -z "$(missing_packages)" ] && qemu_done; }

apt_quietly() { DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=600 --no-install-recommends "$@" >>"$log" 2>&1; }
qemu_candidate() { apt-cache policy qemu-system-x86 "$@" | sed -n 's/ *Candidate: \([0-9]*:\)\{0,1\}\([0-9.]*\).*/\2/p'; }

packages_install() {
  local log=$1 missing target=()
  say packages "reading the package lists"
  apt_quietly update
  missing=$(missing_packages)
  if ! qemu_done; then
    if ! at_least "$(qemu_candidate)" $QEMU_MIN; then
      add_backports
      target=(-t "$(distribution)-backports")
    fi
    say packages "installing QEMU${target:+ from ${target[1]}}"
    apt_quietly "${target[@]}" install $QEMU_PACKAGES
  fi
  if [ -n "$missing" ]; then
    say packages "installing: $(echo $missing)"
    apt_quietly install $missing
  fi
  packages_done || { echo "still missing after installation: $(missing_packages) $(qemu_done || echo "QEMU >= $QEMU_MIN")" >>"$log"; return 1; }
}

distribution() { . /etc/os-release && echo "$VERSION_CODENAME"; }

# The mirror of this machine's own main suite: no host is named here, and an operator's mirror is honoured.
apt_mirror() {
  apt-get indextargets --format '$(SITE) $(RELEASE)' 'Created-By: Packages' | awk -v suite="$(distribution)" '$2 == suite { print $1; exit }'
}
keyring_option() { [ -r /usr/share/keyrings/debian-archive-keyring.gpg ] && echo "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" || true; }

add_backports() {
  local suite mirror file=/etc/apt/sources.list.d/vmshadow-backports.list
  suite=$(distribution)-backports
  if ! apt-get indextargets --format '$(RELEASE)' 'Created-By: Packages' | grep -qx "$suite"; then
    mirror=$(apt_mirror)
    [ -n "$mirror" ] || { echo "QEMU >= $QEMU_MIN needs $suite, and the apt sources name no mirror of $(distribution)" >>"$log"; return 1; }
    say packages "QEMU here is $(qemu_candidate), $QEMU_MIN is needed: adding the suite $suite of $mirror in $file"
    echo "deb $(keyring_option) $mirror $suite main" >"$file"
    apt_quietly update
  fi
  at_least "$(qemu_candidate -t "$suite")" $QEMU_MIN || { echo "$suite has no QEMU >= $QEMU_MIN" >>"$log"; return 1; }
}
