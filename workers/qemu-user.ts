// As whom a host's QEMU runs: who was asked for, or the user that setup makes, or root with a warning.
import { VmshadowError } from '../domain/errors.js';
import { DEFAULT_QEMU_USER, type Dom0Config } from '../domain/model/dom0.js';
import { findUser, type RunAs } from '../os/run-as.js';

/** Choose the user; null for root. Throws CONFIG_INVALID where the one that was asked for is not there. */
export async function qemuUser(
  config: Pick<Dom0Config, 'qemuUser'>,
  logger: { warn(message: string): void },
): Promise<RunAs | null> {
  const wish = config.qemuUser;
  const user = await findUser(wish);
  if (user !== null || wish === 'root') return user;
  const remedy = `useradd --system --user-group --no-create-home --shell /usr/sbin/nologin ${wish}`;
  if (wish !== DEFAULT_QEMU_USER)
    throw new VmshadowError(
      'CONFIG_INVALID',
      `qemuUser: there is no unprivileged user ${wish} on this host; make it (${remedy}) or name another one`,
    );
  logger.warn(
    `there is no user ${wish} on this host: QEMU and its storage daemons run as root, and so would a guest that breaks out of them; ` +
      `make the user (${remedy}; with KVM also: usermod -aG kvm ${wish}) and restart dom0 and the desktops`,
  );
  return null;
}
