// The jest reporter of scripts/test: one line a test file, and what the file wrote (console, the Temporal SDK's log, child processes) only
// when it failed. Everything that is written by jest, by tests in its process and by their children goes to the file named by TEST_LOG;
// this reporter alone writes to descriptor 3, the terminal.
import { Buffer } from 'node:buffer';
import { closeSync, fstatSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { relative } from 'node:path';
import process from 'node:process';

const TERMINAL = 3;
/** Enough for the last minutes of a chatty worker; a terminal keeps no more anyhow. */
const SHOWN_BYTES = 64 * 1024;

export default class QuietReporter {
  #log = process.env.TEST_LOG;
  #rootDir;
  /** Where the log ended when a file began: with several workers at once, others' lines stand between. */
  #begun = new Map();

  constructor(globalConfig) {
    this.#rootDir = globalConfig.rootDir;
  }

  onTestFileStart(test) {
    this.#begun.set(test.path, statSync(this.#log).size);
  }

  onTestFileResult(test, result) {
    const failed = result.numFailingTests > 0 || result.testExecError != null;
    const lines = [summaryLine(relative(this.#rootDir, test.path), result)];
    if (failed) {
      lines.push(result.failureMessage ?? String(result.testExecError), '--- what it wrote:');
      for (const entry of result.console ?? []) lines.push(`${entry.type}: ${entry.message}`);
      lines.push(tailOf(this.#log, this.#begun.get(test.path) ?? 0), '---');
    }
    write(`${lines.join('\n')}\n`);
  }
}

/** Render a file's line: status, path, numbers of tests, seconds. */
function summaryLine(path, result) {
  const failed = result.numFailingTests > 0 || result.testExecError != null;
  const counts = [`${result.numPassingTests} passed`];
  if (result.numFailingTests > 0) counts.push(`${result.numFailingTests} failed`);
  if (result.numPendingTests > 0) counts.push(`${result.numPendingTests} skipped`);
  if (result.testExecError != null) counts.push('could not be run');
  const seconds = ((result.perfStats.end - result.perfStats.start) / 1000).toFixed(1);
  return `${failed ? 'FAIL' : 'PASS'} ${path}  ${counts.join(', ')}  ${seconds} s`;
}

/** Read a log from `from` to its end, at most its last SHOWN_BYTES. */
function tailOf(path, from) {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    const start = Math.max(from, size - SHOWN_BYTES);
    const bytes = Buffer.alloc(size - start);
    readSync(file, bytes, 0, bytes.length, start);
    return (start > from ? '[...]\n' : '') + bytes.toString('utf8');
  } finally {
    closeSync(file);
  }
}

/** A pipe may take less than all at once. */
function write(text) {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(TERMINAL, bytes, at);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
}
