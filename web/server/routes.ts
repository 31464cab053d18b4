// What a request asks for: its path and query, checked. Pure.
import { z } from 'zod';
import { DesktopId } from '../../domain/model/ids.js';

export type Asked =
  | { readonly what: 'file'; readonly name: string }
  | { readonly what: 'overview' | 'desktops' | 'plan' | 'health' }
  | { readonly what: 'desktop'; readonly desktop: DesktopId; readonly limit: number }
  /** The address that `vmshadow web` prints: it turns into a cookie, and goes from the address bar. */
  | { readonly what: 'token'; readonly token: string };

/** Files of the page, by path. */
const FILES: Readonly<Record<string, string>> = {
  '/': 'index.html',
  '/page.js': 'page.js',
  '/style.css': 'style.css',
  '/world.json': 'world.json',
};

const Query = z.object({
  limit: z
    .string()
    .regex(/^\d{1,3}$/)
    .transform(Number)
    .pipe(z.number().min(1).max(200))
    .default(20),
});
const Token = z.object({ token: z.string().regex(/^[\w-]{1,128}$/) });

/** Read the target of a request; null where there is no such thing. */
export function routeOf(target: string): Asked | null {
  if (!target.startsWith('/') || target.length > 2_000) return null;
  const [path = '', search = ''] = target.split('?', 2);
  const query = Object.fromEntries(new URLSearchParams(search));
  if (path === '/' && search !== '') {
    const { data } = Token.safeParse(query);
    return data === undefined ? null : { what: 'token', ...data };
  }
  const name = Object.hasOwn(FILES, path) ? FILES[path] : undefined;
  if (name !== undefined) return { what: 'file', name };
  if (path === '/api/overview') return { what: 'overview' };
  if (path === '/api/desktops') return { what: 'desktops' };
  if (path === '/api/plan') return { what: 'plan' };
  if (path === '/healthz') return { what: 'health' };
  const [, id] = /^\/api\/desktops\/([^/]+)$/.exec(path) ?? [];
  const desktop = DesktopId.safeParse(id);
  const asked = Query.safeParse(query);
  return desktop.success && asked.success
    ? { what: 'desktop', desktop: desktop.data, limit: asked.data.limit }
    : null;
}
