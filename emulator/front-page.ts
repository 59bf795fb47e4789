import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Response, escapeHtml } from './response.ts';
import { controlEndpoints, controlPrefix } from './control-api.ts';
import { shownMachines, type Emulator } from './emulator.ts';
import { endpoints } from './operations.ts';

const title = 'Emulated vps247 provider';

/** VM names are untrusted text: if escaping fails, they still can't run or load anything. No other page may frame this one. */
const headers = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Cache-Control': 'no-store',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
};

const assetPrefix = '/_console/';

const assets: Readonly<Record<string, string>> = {
  'console.css': 'text/css; charset=utf-8',
  'console.mjs': 'text/javascript; charset=utf-8',
  'faults.mjs': 'text/javascript; charset=utf-8',
  'table.mjs': 'text/javascript; charset=utf-8',
};

/** The page at `/` or one of its files; undefined for any other path. `url` is the emulator's own address. */
export function consolePage(emulator: Emulator, url: string, pathname: string): Response | undefined {
  if (pathname === '/') return frontPage(emulator, url);
  const name = pathname.startsWith(assetPrefix) ? pathname.slice(assetPrefix.length) : '';
  const contentType = Object.hasOwn(assets, name) ? assets[name] : undefined;
  if (contentType === undefined) return undefined;
  // Read each time: a developer reloads the page after a change.
  return {
    status: 200,
    contentType,
    headers,
    body: readFileSync(path.join(import.meta.dirname, 'console', name), 'utf8'),
  };
}

/** What the emulator is, its VMs, calls, faults and switches, and its paths. Without JavaScript, the present VMs only. */
function frontPage(emulator: Emulator, url: string): Response {
  const machines = emulator.machines();
  const rows = machines.slice(0, shownMachines).map(({ id, name, state, ownerId, task }) => {
    return [String(id), name, state, `${task.name} ${task.status}`, String(ownerId)];
  });
  const more = machines.length > rows.length ? `<p>${machines.length - rows.length} more are not shown.</p>` : '';
  return page(
    [
      '<p>This program emulates the API of the hosting provider vps247. Its VMs exist in memory only and cost nothing.</p>',
      '<noscript>',
      `<h2>VMs (${machines.length})</h2>`,
      table(['ID', 'Name', 'State', 'Last task', 'Owner'], rows),
      more,
      '<p>Enable JavaScript to see changes as they happen, and to change VMs and faults. Or reload the page.</p>',
      '</noscript>',
      '<div id="console"></div>',
      '<details><summary>Commands and paths</summary>',
      '<h2>From a shell</h2>',
      `<pre tabindex="0">${escapeHtml(commands(url))}</pre>`,
      '<p>KEY is an API key. The emulator prints its keys when it starts; the default is <code>demo-key</code>.</p>',
      "<h2>The provider's API</h2>",
      '<p>Each request needs the header <code>X-Api-Key</code>.</p>',
      table(
        ['Method', 'Path', 'Operation'],
        endpoints.map(([operation, method, path_]) => [method, path_, operation]),
      ),
      '<h2>Control API</h2>',
      '<p>Shows what happened and configures the emulated behavior. It needs no key and can be used from the local host only.</p>',
      table(
        ['Method', 'Path'],
        controlEndpoints.map((endpoint) => {
          const [method = '', path_ = ''] = endpoint.split(' ');
          return [method, `${controlPrefix}${path_}`];
        }),
      ),
      '</details>',
    ].join('\n'),
  );
}

function page(body: string): Response {
  return {
    status: 200,
    contentType: 'text/html; charset=utf-8',
    headers,
    body: `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${assetPrefix}console.css">
<script type="module" src="${assetPrefix}console.mjs"></script>
</head>
<body>
<main>
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`,
  };
}

function commands(url: string): string {
  return [
    '# the VMs, as the provider shows them',
    `curl -H 'X-Api-Key: KEY' ${url}/virtual_machines`,
    '# regions, packages and templates',
    `curl -H 'X-Api-Key: KEY' ${url}/regions ${url}/packages ${url}/os_templates`,
    '# every call and its result',
    `curl ${url}${controlPrefix}ledger`,
    '# how the provider behaves, and what each switch means',
    `curl ${url}${controlPrefix}switches`,
  ].join('\n');
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  return `<div class="wide" tabindex="0"><table>${[line('th', header), ...rows.map((row) => line('td', row))].join('\n')}</table></div>`;
}

function line(tag: 'th' | 'td', cells: readonly string[]): string {
  return `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`;
}
