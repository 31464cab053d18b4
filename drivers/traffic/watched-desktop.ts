// What the sampler needs of the outside world, handed in by the composition root.

/** Runs a command without a shell and gives its standard output; throws COMMAND. */
export type RunCommand = (
  argv: readonly [string, ...string[]],
  options?: { readonly input?: string; readonly timeoutMs?: number },
) => Promise<string>;

/** A desktop to watch, as it is known on this host. */
export interface WatchedDesktop {
  readonly id: string;
  /** Its tap device. */
  readonly tap: string;
  /** Its own address, which its packets carry at the tap and at the forward hook. */
  readonly internalAddress: string;
  readonly remoteDesktopPort: number;
}
