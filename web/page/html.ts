// Markup without a compiler: htm over preact. Values are text; nothing here makes markup of them.
export { html } from 'htm/preact';
