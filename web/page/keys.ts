// The keyboard: all that a pointer can do is done by Tab and Enter; these are the short ways.
import { useEffect } from 'preact/hooks';
import { PARTS } from './place.js';

export const KEYS: readonly (readonly [string, string])[] = [
  ['1 2 3 4', 'map, desktops, moves, plan'],
  ['/', 'filter the desktops'],
  ['↑ ↓', 'from desktop to desktop in the list'],
  ['[ ]', 'previous and next page of the list'],
  ['Esc', 'from a desktop back to the list'],
  ['?', 'these keys'],
];

/** The controls that keys reach, by their ids and classes in the page. */
const press = (selector: string) => document.querySelector<HTMLElement>(selector)?.click();

function step(by: 1 | -1): boolean {
  const links = [...document.querySelectorAll<HTMLElement>('tbody a.row')];
  if (links.length === 0) return false;
  const at = links.findIndex((link) => link === document.activeElement);
  const next = at === -1 ? (by === 1 ? 0 : links.length - 1) : at + by;
  links[next]?.focus();
  return true;
}

function onKey(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { key } = event;
  const isTyping = event.target instanceof HTMLInputElement;
  if (isTyping && key !== 'Escape' && key !== 'ArrowDown') return;
  const part = PARTS[Number(key) - 1];
  if (part !== undefined) location.hash = part;
  else if (key === '/') {
    if (document.querySelector('#filter') === null) location.hash = 'desktops';
    setTimeout(() => document.querySelector<HTMLElement>('#filter')?.focus());
  } else if (key === '[') press('#previous');
  else if (key === ']') press('#next');
  else if (key === '?') press('#keys > summary');
  else if (key === 'Escape') {
    if (isTyping) (event.target as HTMLElement).blur();
    else press('#back');
  } else if (key === 'ArrowDown' || key === 'ArrowUp') {
    if (!step(key === 'ArrowDown' ? 1 : -1)) return;
  } else return;
  event.preventDefault();
}

export function useKeys(): void {
  useEffect(() => {
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
}
