import { type Response, escapeHtml } from './response.ts';
import { controlEndpoints, controlPrefix } from './control-api.ts';
import type { Emulator } from './emulator.ts';
import { endpoints } from './operations.ts';

/** Further VMs are counted, not shown. */
const maxRows = 200;
const title = 'Emulated vps247 provider';
const style =
  'body{font-family:sans-serif;margin:2em auto;max-width:60em;padding:0 1em}' +
  'table{border-collapse:collapse}td,th{padding:.2em 1em .2em 0;text-align:left}pre{overflow-x:auto}';

/** The page for browsers at `/`: what the emulator is, its paths, and its present VMs. `url` is its own address. */
export function frontPage(emulator: Emulator, url: string): Response {
  const machines = emulator.machines();
  const rows = machines.slice(0, maxRows).map(({ id, name, state, ownerId, task }) => {
    return [String(id), name, state, `${task.name} ${task.status}`, String(ownerId)];
  });
  const more = machines.length > rows.length ? `<p>${machines.length - rows.length} more are not shown.</p>` : '';
  return page(
    [
      '<p>This program emulates the API of the hosting provider vps247. Its VMs exist in memory only and cost nothing.</p>',
      `<h2>VMs (${machines.length})</h2>`,
      table(['ID', 'Name', 'State', 'Last task', 'Owner'], rows),
      more,
      '<p>Reload the page to see changes.</p>',
      '<h2>From a shell</h2>',
      `<pre>${escapeHtml(commands(url))}</pre>`,
      '<p>KEY is an API key. The emulator prints its keys when it starts; the default is <code>demo-key</code>.</p>',
      "<h2>The provider's API</h2>",
      '<p>Each request needs the header <code>X-Api-Key</code>.</p>',
      table(
        ['Method', 'Path', 'Operation'],
        endpoints.map(([operation, method, path]) => [method, path, operation]),
      ),
      '<h2>Control API</h2>',
      '<p>Shows what happened and configures the emulated behavior. It needs no key and can be used from the local host only.</p>',
      table(
        ['Method', 'Path'],
        controlEndpoints.map((endpoint) => {
          const [method = '', path = ''] = endpoint.split(' ');
          return [method, `${controlPrefix}${path}`];
        }),
      ),
    ].join('\n'),
  );
}

function page(body: string): Response {
  return {
    status: 200,
    contentType: 'text/html; charset=utf-8',
    // VM names are untrusted text: if escaping fails, they still can't run or load anything.
    headers: {
      'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'",
      'Cache-Control': 'no-store',
    },
    body: `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><style>${style}</style></head>
<body>
<h1>${title}</h1>
${body}
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
  return `<table>${[line('th', header), ...rows.map((row) => line('td', row))].join('\n')}</table>`;
}

function line(tag: 'th' | 'td', cells: readonly string[]): string {
  return `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`;
}
