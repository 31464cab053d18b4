// Where the page begins.
import { render } from 'preact';
import { App } from './app.js';
import { html } from './html.js';

const root = document.querySelector('#app');
if (root !== null) render(html`<${App} />`, root);
