// A message to a workflow, defined once: its name, the schema of its input, the type of its answer. Clients pass a message to Temporal's
// client and get the answer typed; workflows serve a whole table of them (workflows/serve.ts), which parses each input.
import type { QueryDefinition, SignalDefinition, UpdateDefinition } from '@temporalio/common';
import { z } from 'zod';

/** Asks for a change and waits for the answer. Refused before it is taken up when its input is wrong. */
export interface Update<S extends z.ZodType, R> extends UpdateDefinition<R, [z.input<S>]> {
  readonly input: S;
}

/** Says something and waits for nothing. Ignored, and logged, when its input is wrong. */
export interface Signal<S extends z.ZodType> extends SignalDefinition<ArgumentsOf<S>> {
  readonly input: S;
}

/** Looks without changing anything. */
export interface Query<S extends z.ZodType, R> extends QueryDefinition<R, ArgumentsOf<S>> {
  readonly input: S;
}

/** What may be left out is left out. */
type ArgumentsOf<S extends z.ZodType> = undefined extends z.input<S> ? [z.input<S>?] : [z.input<S>];

/** The input of messages that have none: whatever comes (the UI may send something) is nothing. */
export const Nothing: z.ZodType<undefined, undefined> = z.unknown().transform(() => undefined) as never;

/** Define an update; its answer's type is that of the constant. */
export function update<S extends z.ZodType, R>(name: string, input: S): Update<S, R> {
  return { type: 'update', name, input } as Update<S, R>;
}

/** Define a signal. */
export function signal<S extends z.ZodType>(name: string, input: S): Signal<S> {
  return { type: 'signal', name, input } as Signal<S>;
}

/** Define a query; its answer's type is that of the constant. */
export function query<S extends z.ZodType, R>(name: string, input: S): Query<S, R> {
  return { type: 'query', name, input } as Query<S, R>;
}
