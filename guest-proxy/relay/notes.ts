// What the two hosts of a relay tell each other besides packets (sealed, see wire.ts). Pure.
import { z } from 'zod';
import { Ipv4 } from '../../domain/model/address.js';
import { RelayedFlow } from './flow.js';

/** The sender's release says whose session it hears, so that no record of it is taken for it; null: of none yet. */
const Sent = z.object({ hears: z.string().nullable().optional() });
/** The present host, every few seconds: the desktop is here, and so many of its flows still come this way. */
const Here = Sent.extend({ note: z.literal('here'), atMs: z.number(), flows: z.number().int().min(0) });
/** The old host's answer. */
const Heard = Sent.extend({ note: z.literal('heard'), atMs: z.number() });
/**
 * The old host, until it is `listed`: flows that began after the list which went with the desktop, and peers whose flows go another way, as
 * their proxies were told.
 */
const List = Sent.extend({
  note: z.literal('list'),
  number: z.number().int().min(0),
  add: z.array(RelayedFlow),
  direct: z.array(Ipv4),
});
const Listed = Sent.extend({ note: z.literal('listed'), number: z.number().int().min(0) });
/** The old host: nothing goes this way any more. */
const Over = Sent.extend({ note: z.literal('over') });
/** Either host has a new session, and asks the other one to say that it hears it. */
const Anew = Sent.extend({ note: z.literal('anew') });

const Note = z.discriminatedUnion('note', [Here, Heard, List, Listed, Over, Anew]);
export type Note = z.infer<typeof Note>;
export type ListNote = z.infer<typeof List>;

/** Flows in one note: it stays below the smallest MTU in use (a flow is some 80 bytes). */
const FLOWS_A_NOTE = 12;
const DIRECT_A_NOTE = 50;

export function encodeNote(note: Note): Buffer {
  return Buffer.from(JSON.stringify(note));
}

/** Read a note; null for one that this version does not know. */
export function decodeNote(bytes: Buffer): Note | null {
  try {
    return Note.safeParse(JSON.parse(bytes.toString())).data ?? null;
  } catch {
    return null;
  }
}

/** The notes that carry a list, numbered from 0; none for an empty one. */
export function listNotes(add: readonly RelayedFlow[], direct: readonly string[]): ListNote[] {
  const notes: ListNote[] = [];
  const pages = Math.max(Math.ceil(add.length / FLOWS_A_NOTE), Math.ceil(direct.length / DIRECT_A_NOTE));
  for (let number = 0; number < pages; number++)
    notes.push({
      note: 'list',
      number,
      add: add.slice(number * FLOWS_A_NOTE, (number + 1) * FLOWS_A_NOTE),
      direct: direct.slice(number * DIRECT_A_NOTE, (number + 1) * DIRECT_A_NOTE),
    });
  return notes;
}
