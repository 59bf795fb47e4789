/**
 * `curl` with the options that commands of docs pages use, which tests run on machines without curl. It refuses all others, so
 * that a page doesn't get further than this. Exit codes are curl's.
 */
import { writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    silent: { type: 'boolean', default: false },
    'show-error': { type: 'boolean', default: false },
    fail: { type: 'boolean', default: false },
    header: { type: 'string', multiple: true, default: [] },
    data: { type: 'string' },
    output: { type: 'string' },
  },
});

const headers = new Headers();
for (const given of values.header) {
  const lines = given === '@-' ? (await text(process.stdin)).split('\n') : [given];
  for (const line of lines.filter((each) => each !== '')) {
    const colon = line.indexOf(':');
    headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
  }
}
if (values.data !== undefined && !headers.has('content-type'))
  headers.set('Content-Type', 'application/x-www-form-urlencoded');

function fail(code: number, message: string): never {
  if (!values.silent || values['show-error']) process.stderr.write(`curl: (${code}) ${message}\n`);
  process.exit(code);
}

for (const url of positionals) {
  const request = values.data === undefined ? { headers } : { method: 'POST', headers, body: values.data };
  const response = await fetch(url, request).catch((error: unknown) => fail(7, String(error)));
  if (values.fail && !response.ok) fail(22, `The requested URL returned error: ${response.status}`);
  const body = Buffer.from(await response.arrayBuffer());
  if (values.output === undefined) process.stdout.write(body);
  else writeFileSync(values.output, body);
}
