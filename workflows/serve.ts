// Where input enters a workflow: its own, and that of every message. Each is parsed once, here; a wrong one changes nothing. An update is
// refused before it is taken up, a query is answered with the problems, a signal, whose sender hears nothing, is logged and ignored.
import { currentUpdateInfo, log, setHandler } from '@temporalio/workflow';
import type { z } from 'zod';
import { isVmshadowError, messageOf } from '../domain/errors.js';
import { parseInput } from '../domain/model/parse.js';
import { toApplicationFailure } from '../temporal/contract/failures.js';
import type { Query, Signal, Update } from '../temporal/contract/message.js';

type Message = Update<z.ZodType, unknown> | Signal<z.ZodType> | Query<z.ZodType, unknown>;
type Messages = Readonly<Record<string, Message>>;

type HandlerOf<M> =
  M extends Update<infer S, infer R>
    ? (input: z.output<S>) => R | Promise<R>
    : M extends Query<infer S, infer R>
      ? (input: z.output<S>) => R
      : M extends Signal<infer S>
        ? (input: z.output<S>) => void
        : never;

/** One handler for each message of a table. */
type Handlers<T extends Messages> = { readonly [K in keyof T]: HandlerOf<T[K]> };

/** Take messages from now on: each handler gets its input parsed. */
export function serve<T extends Messages>(messages: T, handlers: Handlers<T>): void {
  for (const [key, message] of Object.entries<Message>(messages)) {
    const run = handlers[key as keyof T];
    if (message.type === 'update') serveUpdate(message, run);
    else if (message.type === 'signal') serveSignal(message, run);
    else setHandler(message, (raw: unknown) => run(inputOf(message, raw)));
  }
}

/** Parse the input of a workflow; a wrong one ends it with every problem. */
export function workflowInput<S extends z.ZodType>(schema: S, raw: unknown, workflow: string): z.output<S> {
  return failing(() => parseInput(schema, raw, `input of ${workflow}`));
}

function serveUpdate(update: Update<z.ZodType, unknown>, run: (input: unknown) => unknown): void {
  // From the validator to the handler, which Temporal calls with the same input; in a replay it calls the handler alone.
  const parsed = new Map<string | undefined, unknown>();
  const take = (raw: unknown): unknown => {
    const id = currentUpdateInfo()?.id;
    const input = parsed.has(id) ? parsed.get(id) : inputOf(update, raw);
    parsed.delete(id);
    return input;
  };
  // Two async functions: a loop under way replays its history on this code, to the tick.
  setHandler(update, async (raw: unknown) => answer(() => run(take(raw))), {
    validator: (raw: unknown) => {
      failing(() => parsed.set(currentUpdateInfo()?.id, inputOf(update, raw)));
    },
  });
}

async function answer<R>(run: () => R | Promise<R>): Promise<R> {
  try {
    return await run();
  } catch (error) {
    throw toApplicationFailure(error);
  }
}

function serveSignal(signal: Signal<z.ZodType>, run: (input: unknown) => unknown): void {
  setHandler(signal, (raw: unknown) => {
    let input: unknown;
    try {
      input = inputOf(signal, raw);
    } catch (error) {
      log.warn(`ignored a signal: ${messageOf(error)}`, { signal: signal.name });
      return;
    }
    run(input);
  });
}

/** Nothing may come as `null`. */
function inputOf(message: Message, raw: unknown): unknown {
  return parseInput(message.input, raw ?? undefined, message.name);
}

/** Of what is thrown, only a failure ends an update or a workflow; anything else would have the task tried again for ever. */
function failing<R>(run: () => R): R {
  try {
    return run();
  } catch (error) {
    throw isVmshadowError(error) ? toApplicationFailure(error) : error;
  }
}
