// The page's style. No font, script or image from anywhere: the page is read offline.

/** CSS of the report; colours follow the reader's light or dark setting. */
export const REPORT_STYLE = `
:root { color-scheme: light dark; --page: #fff; --ink: #1b1f24; --soft: #5a6472; --line: #d8dde3; --card: #f6f8fa;
  --dots: #2f6fb4; --median: #143f73; --mark: #b3261e; --good: #1a7f4b; --bad: #b3261e;
  --preflight: #8d99a8; --async-disk: #4f8fd0; --sync-switch: #7b5fc4; --memory: #e0a030; --switchover: #b3261e; --cleanup: #58a879; }
@media (prefers-color-scheme: dark) {
  :root { --page: #14171b; --ink: #e6e9ed; --soft: #9aa5b1; --line: #323841; --card: #1c2026;
    --dots: #6fa8e6; --median: #cfe3fb; --mark: #ff8a80; --good: #6fd6a0; --bad: #ff8a80; } }
body { margin: 0 auto; max-width: 1020px; padding: 28px 20px 60px; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 24px; margin: 0 0 4px; } h2 { font-size: 17px; margin: 32px 0 6px; } p { margin: 6px 0; } .soft { color: var(--soft); }
.tiles { display: flex; flex-wrap: wrap; gap: 12px; margin: 20px 0 4px; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 10px 16px; flex: 1 1 180px; }
.tile b { display: block; font-size: 22px; font-weight: 600; } .tile span { color: var(--soft); font-size: 13px; }
svg { width: 100%; height: auto; display: block; } svg text { font: 12px system-ui, sans-serif; fill: var(--soft); }
svg .site { fill: var(--ink); font-weight: 600; } svg .note { fill: var(--mark); font-weight: 600; } svg .label { fill: var(--soft); }
.grid { stroke: var(--line); } .axis { stroke: var(--soft); } .good { stroke: var(--good); stroke-dasharray: 3 4; stroke-width: 1.5; }
.dots { stroke: var(--dots); stroke-width: 3; stroke-linecap: round; opacity: 0.4; fill: none; }
.median { stroke: var(--median); stroke-width: 1.8; stroke-linejoin: round; fill: none; } .above { fill: var(--mark); }
.mark { stroke: var(--mark); stroke-width: 1.5; } .phase { opacity: 0.2; }
${['preflight', 'async-disk', 'sync-switch', 'memory', 'switchover', 'cleanup'].map((p) => `.phase.${p} { fill: var(--${p}); } .key.${p}::before { background: var(--${p}); }`).join('\n')}
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 13px; color: var(--soft); margin: 8px 0 0; padding: 0; list-style: none; }
.key::before { content: ''; display: inline-block; width: 12px; height: 12px; margin-right: 6px; vertical-align: -1px; border-radius: 2px; opacity: 0.55; }
.key.line::before { background: var(--median); height: 2px; vertical-align: 4px; opacity: 1; } .key.dot::before { background: var(--dots); border-radius: 50%; width: 7px; height: 7px; vertical-align: 1px; }
.key.cut::before { background: none; border: 5px solid transparent; border-top: 0; border-bottom: 8px solid var(--mark); width: 0; height: 0; border-radius: 0; opacity: 1; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; font-variant-numeric: tabular-nums; }
th { color: var(--soft); font-weight: 500; } .ok { color: var(--good); } .fail { color: var(--bad); font-weight: 600; }
`.trim();
