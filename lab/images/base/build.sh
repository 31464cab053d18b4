#!/usr/bin/env bash
# Builds what both lab guests boot from: vmlinuz (Debian's cloud kernel, unpacked, not installed), initrd (busybox, virtio modules,
# our guest services) and initrd-agent, the same with Debian's qemu-guest-agent. Usage: build.sh OUTDIR, an empty folder. Needs apt-get, gcc, busybox-static, cpio, gzip.
set -euo pipefail
out=$(realpath "$1")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/vmshadow-base.XXXXXX")
trap 'rm -rf "$work"' EXIT

package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image-/ { print $2; exit }')
[ -n "$package" ] || { echo "no linux-image-cloud-amd64 in the package lists: run apt-get update" >&2; exit 1; }
# Sandbox::User: apt's own user cannot write into a private temporary folder.
(cd "$work" && apt-get -qq -o APT::Sandbox::User=root download "$package")
mkdir "$work/kernel"
dpkg-deb --fsys-tarfile "$work/$package"_*.deb | tar -x -C "$work/kernel"
cp "$work"/kernel/boot/vmlinuz-* "$out/vmlinuz"

root=$work/initramfs
mkdir -p "$root"/{bin,dev,proc,sys,modules}
cp /bin/busybox "$root/bin/busybox"
for module in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci failover net_failover virtio_net virtio_blk scsi_common scsi_mod sd_mod virtio_scsi virtio_console virtio_balloon efivarfs; do
  file=$(find "$work/kernel" -name "$module.ko*" -print -quit)
  case "$file" in
    *.ko) cp "$file" "$root/modules/" ;;
    *.ko.xz) xz -dc "$file" > "$root/modules/$module.ko" ;;
    *.ko.zst) zstd -qdc "$file" > "$root/modules/$module.ko" ;;
    *) echo "$package has no module $module: taken as built in" >&2 ;;
  esac
done
gcc -O2 -Wall -Wextra -static -s -o "$root/bin/vms-guest" "$here"/guest/*.c
install -m 755 "$here/init" "$root/init"
pack() { (cd "$1" && find . -print0 | LC_ALL=C sort -z | cpio --quiet --null --create --format=newc --reproducible --owner=0:0) | gzip -n -6; }
pack "$root" > "$out/initrd.gz"

# An archive of its own behind the first: the kernel unpacks both, and guests without an agent boot without it.
agent=$work/agent
(cd "$work" && apt-get -qq -o APT::Sandbox::User=root download qemu-guest-agent)
mkdir -p "$work/package" "$agent"/{bin,sbin}
dpkg-deb -x "$work"/qemu-guest-agent_*.deb "$work/package"
cp "$work/package/usr/sbin/qemu-ga" "$agent/bin/"
# The libraries of this machine, which are of the same release as the package.
missing=$(ldd "$agent/bin/qemu-ga" | awk '/not found/ { print $1 }')
[ -z "$missing" ] || { echo "qemu-ga lacks on this machine: $missing" >&2; exit 1; }
ldd "$agent/bin/qemu-ga" | grep -o '/[^ ]*' | while read -r library; do install -D -m 755 "$library" "$agent$library"; done
# It sets the hardware's clock after the system's.
ln -s /bin/busybox "$agent/sbin/hwclock"
pack "$agent" | cat "$out/initrd.gz" - > "$out/initrd-agent.gz"
echo "$package" > "$out/kernel-package"
