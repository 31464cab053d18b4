// Looks now and then at what else on this host has a say in desktops' packets and moves, and says each thing once: with whose it is and what
// to do.
import { messageOf } from '../../domain/errors.js';
import { parseInput } from '../../domain/model/parse.js';
import { runCommand } from '../../os/run-command.js';
import type { Logger } from '../logger.js';
import { foreignProblems, Ruleset, type ForeignProblem } from '../rules/foreign-rules.js';

/** Firewalls are reloaded by people: a minute later is soon enough to hear of it. */
const LOOK_MS = 60_000;
/** Large rulesets (one of a cluster's node has tens of thousands of rules) take seconds to print. */
const LIST_TIMEOUT_MS = 30_000;

export interface ForeignLookOptions {
  readonly uplink: string;
  readonly controlPort: number;
  readonly logger: Logger;
  /** Gives what `nft -j list ruleset` prints. */
  readonly list?: () => Promise<string>;
  /** Gives what else is in the way that is no matter of rules. */
  readonly lookFurther?: () => Promise<readonly ForeignProblem[]>;
}

/** All that nft knows of this host's packets, as JSON. Throws COMMAND where it cannot be had. */
export function listRuleset(): Promise<string> {
  return runCommand(['nft', '-j', 'list', 'ruleset'], { timeoutMs: LIST_TIMEOUT_MS });
}

export class ForeignLook {
  readonly #options: ForeignLookOptions;
  #said = new Set<string>();
  #problems: readonly ForeignProblem[] = [];
  #timer: NodeJS.Timeout | null = null;
  #looking: Promise<void> = Promise.resolve();

  constructor(options: ForeignLookOptions) {
    this.#options = options;
  }

  /** Look at once, and each minute from then on. */
  start(): void {
    void this.look();
    this.#timer = setInterval(() => void this.look(), LOOK_MS);
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await this.#looking;
  }

  /** What was in the way at the last look, each with its remedy. */
  notes(): string[] {
    return this.#problems.map(inWords);
  }

  /** Look once more, after the looks before. */
  look(): Promise<void> {
    this.#looking = this.#looking.then(async () => {
      const { uplink, controlPort, logger, list = listRuleset, lookFurther } = this.#options;
      try {
        const ruleset = parseInput(Ruleset, JSON.parse(await list()), 'nft list ruleset');
        const further = (await lookFurther?.()) ?? [];
        this.#say([...foreignProblems(ruleset, uplink, controlPort), ...further]);
      } catch (error) {
        logger.debug({ error: messageOf(error) }, 'could not look at what other programs have set up');
      }
    });
    return this.#looking;
  }

  #say(problems: readonly ForeignProblem[]): void {
    const { logger } = this.#options;
    this.#problems = problems;
    const now = new Set(problems.map((p) => p.words));
    for (const problem of problems)
      if (!this.#said.has(problem.words)) logger.warn({ remedy: problem.remedy }, inWords(problem));
    for (const words of this.#said) if (!now.has(words)) logger.info({}, `no more: ${words}`);
    this.#said = now;
  }
}

function inWords({ words, remedy }: ForeignProblem): string {
  const commands = remedy.map((line) => `\`${line}\``).join(' and ');
  return `${words}: run ${commands}, and have the configuration of whoever set it up do the same`;
}
