# The user as whom QEMU runs (qemuUser in dom0.yaml).

QEMU_USER=vmshadow-qemu

user_done() { getent passwd $QEMU_USER >/dev/null; }

user_install() {
  local log=$1
  useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin $QEMU_USER >>"$log" 2>&1
  # Where there is KVM: its device belongs to this group.
  if getent group kvm >/dev/null; then usermod -aG kvm $QEMU_USER >>"$log" 2>&1; fi
}
