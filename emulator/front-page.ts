import { type Response, escapeHtml } from './response.ts';
import { controlEndpoints, controlPrefix } from './control-api.ts';
import type { Emulator } from './emulator.ts';
import { endpoints } from './operations.ts';

/** More rows than this are counted, not shown. */
const mostRows = 200;
const title = 'Emulated vps247 provider';
const style =
  'body{font-family:sans-serif;margin:2em auto;max-width:60em;padding:0 1em}' +
  'table{border-collapse:collapse}td,th{padding:.2em 1em .2em 0;text-align:left}pre{overflow-x:auto}';

/** What a browser gets at `/`: what this is, which paths it has, and the VMs as they are now. `url`: where it listens. */
export function frontPage(emulator: Emulator, url: string): Response {
  const machines = emulator.machines();
  const rows = machines.slice(0, mostRows).map(({ id, name, state, ownerId, task }) => {
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
      '<p>For tests and for you: what happened, and how the provider is to behave. It needs no key, and only this machine can use it.</p>',
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
    // Names of VMs are anyone's text: should one get through, it still can't run or load anything.
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
    '# what can be ordered',
    `curl -H 'X-Api-Key: KEY' ${url}/regions ${url}/packages ${url}/os_templates`,
    '# every call, and what came of it',
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
