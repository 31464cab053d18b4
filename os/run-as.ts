// Programs that run as another user than root: who that is, what he can reach, and what is his.
import { chown, chmod } from 'node:fs/promises';
import { z } from 'zod';
import { isVmshadowError, VmshadowError } from '../domain/errors.js';
import { runCommand } from './run-command.js';

const Id = z.number().int().min(1).max(0xffff_fffe);
/** An unprivileged user; with a name also the groups of that name (`kvm`). */
export const RunAs = z.object({ uid: Id, gid: Id, name: z.string().min(1).nullable() });
export type RunAs = z.infer<typeof RunAs>;

/** Find a user by name or `UID:GID`; null for one that is root, or where there is none of that name. */
export async function findUser(wish: string): Promise<RunAs | null> {
  const numbers = /^(\d+):(\d+)$/.exec(wish);
  if (numbers !== null) return RunAs.parse({ uid: Number(numbers[1]), gid: Number(numbers[2]), name: null });
  try {
    const [, , uid, gid] = (await runCommand(['getent', 'passwd', wish])).trim().split(':');
    return Number(uid) === 0 ? null : RunAs.parse({ uid: Number(uid), gid: Number(gid), name: wish });
  } catch (error) {
    // getent(1): 2 means that nobody has that name.
    if (isVmshadowError(error) && error.details['exitCode'] === 2) return null;
    throw error;
  }
}

/** Let `argv` run as a user, without any capability and without a way to get one; null: as it is. */
export function asUser(user: RunAs | null, argv: readonly string[]): string[] {
  if (user === null) return [...argv];
  return [
    'setpriv',
    ...[`--reuid=${String(user.uid)}`, `--regid=${String(user.gid)}`],
    user.name === null ? '--clear-groups' : '--init-groups',
    ...['--no-new-privs', '--inh-caps=-all', '--bounding-set=-all'],
    '--',
    ...argv,
  ];
}

/** Give a file to a user, and to nobody else. */
export async function giveFile(user: RunAs | null, path: string): Promise<void> {
  await chmod(path, 0o600);
  if (user !== null) await chown(path, user.uid, user.gid);
}

/** Give a folder to a user, and to nobody else; what is in it stays as it is. */
export async function giveFolder(user: RunAs | null, path: string): Promise<void> {
  await chmod(path, 0o700);
  if (user !== null) await chown(path, user.uid, user.gid);
}

/** Throw CONFIG_INVALID, with the folder that is in the way, where a user cannot reach a folder. */
export async function mustReach(user: RunAs, folder: string): Promise<void> {
  const reaches = async (path: string): Promise<boolean> => {
    const [program = '', ...args] = asUser(user, ['test', '-x', path]);
    return runCommand([program, ...args]).then(
      () => true,
      (error: unknown) => {
        // test(1): 1 means no.
        if (isVmshadowError(error) && error.details['exitCode'] === 1) return false;
        throw error;
      },
    );
  };
  if (await reaches(folder)) return;
  const names = folder.split('/').slice(1);
  const above = names.map((_, i) => `/${names.slice(0, i).join('/')}`);
  let barrier = folder;
  for (const path of above.reverse()) if (!(await reaches(path))) barrier = path;
  throw new VmshadowError(
    'CONFIG_INVALID',
    `user ${user.name ?? String(user.uid)}, as whom QEMU runs, cannot reach ${folder}: ${barrier} is in the way; ` +
      'let others pass through it (chmod o+x), or choose another place',
  );
}
