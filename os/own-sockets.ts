// Sockets of this process as the kernel knows them: what a library has opened and does not name can be found, to ask of it what the library cannot.
import { readdir, readFile, readlink } from 'node:fs/promises';

const DESCRIPTORS = '/proc/self/fd';

/** The rows of a table under /proc/self/net, in their columns. */
export async function socketTable(name: string): Promise<string[][]> {
  const text = await readFile(`/proc/self/net/${name}`, 'utf8');
  return text.split('\n').map((line) => line.trim().split(/\s+/));
}

/** The descriptor of the socket with this inode; null where it is none of this process. */
export async function descriptorOf(inode: string): Promise<number | null> {
  for (const fd of await readdir(DESCRIPTORS))
    if ((await readlink(`${DESCRIPTORS}/${fd}`).catch(() => '')) === `socket:[${inode}]`) return Number(fd);
  return null;
}
