// Where in the page somebody is: the part of the address after #, so that "back" and bookmarks work.
import { useEffect, useState } from 'preact/hooks';

export const PARTS = ['map', 'desktops', 'moves', 'plan'] as const;
type Part = (typeof PARTS)[number];

export interface Where {
  readonly part: Part;
  /** A desktop, in `desktops`. */
  readonly desktop: string | null;
  /** Words that the list is filtered by. */
  readonly words: string;
}

/** Read `#desktops/ID` or `#desktops?WORDS`; whatever is not known is the map. */
function whereOf(hash: string): Where {
  const [path = '', words = ''] = hash.replace(/^#/, '').split('?', 2);
  const [name, desktop] = path.split('/', 2);
  const part = PARTS.find((p) => p === name) ?? 'map';
  return {
    part,
    desktop: part === 'desktops' && desktop !== undefined && desktop !== '' ? unescaped(desktop) : null,
    words: unescaped(words),
  };
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

export const linkToDesktop = (desktop: string) => `#desktops/${encodeURIComponent(desktop)}`;
export const linkToList = (words: string) => `#desktops?${encodeURIComponent(words)}`;

/** Follow the address. */
export function useWhere(): Where {
  const [where, setWhere] = useState(() => whereOf(location.hash));
  useEffect(() => {
    const follow = () => setWhere(whereOf(location.hash));
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  return where;
}
