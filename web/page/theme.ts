// Light or dark: as the system says, or as somebody has chosen here.
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { html } from './html.js';

const THEMES = ['system', 'light', 'dark'] as const;
type Theme = (typeof THEMES)[number];
const KEPT_AS = 'vmshadow-theme';

/** A browser may refuse to keep anything. */
function kept(): Theme {
  try {
    return THEMES.find((t) => t === localStorage.getItem(KEPT_AS)) ?? 'system';
  } catch {
    return 'system';
  }
}

export function ThemeChoice(): VNode {
  const [theme, setTheme] = useState(kept);
  useEffect(() => {
    document.documentElement.dataset['theme'] = theme;
    try {
      localStorage.setItem(KEPT_AS, theme);
    } catch {
      // It holds for this visit.
    }
  }, [theme]);
  const choose = (event: Event) => setTheme((event.target as HTMLSelectElement).value as Theme);
  return html`<label class="theme"
    >colours
    <select value=${theme} onChange=${choose}>
      ${THEMES.map((t) => html`<option value=${t}>${t}</option>`)}
    </select></label
  >`;
}
