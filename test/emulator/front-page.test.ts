import { expect, test } from 'vitest';
import { visitOverHttp } from './http.ts';

test('a browser shows the purpose, the VMs, and every path', async () => {
  await using visited = await visitOverHttp();
  const { id } = await visited.create('web');
  const { status, headers, text } = await visited.call('GET', '/');
  expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
  expect(text).toContain('emulates the API of the hosting provider vps247');
  expect(text).toContain(`<tr><td>${id}</td><td>web</td><td>pending</td>`);
  for (const path of [
    '/virtual_machines/{id}/start',
    '/os_templates',
    '/_emulator/ledger',
    '/_emulator/machines/{id}/power',
  ])
    expect(text).toContain(`<td>${path}</td>`);
  expect(text).toContain(`curl ${visited.url}/_emulator/switches`);
  expect(text).not.toContain(visited.emulator.passwordOf(Number(id)));
});

test('the name of a VM is escaped as text', async () => {
  await using visited = await visitOverHttp();
  visited.emulator.panel.create({ name: `<script>alert("1")</script>&'` });
  const { headers, text } = await visited.call('GET', '/');
  expect(text).toContain("<td>&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;'</td>");
  expect(text.match(/<script[^>]*>/g)).toEqual(['<script type="module" src="/_console/console.mjs">']);
  expect(headers['content-security-policy']).toContain("default-src 'none'");
});

test('VMs of a large fleet are counted, and no more than 200 are shown', async () => {
  await using visited = await visitOverHttp();
  for (let index = 0; index < 203; index++) visited.emulator.panel.create({ name: `web-${index}` });
  const { text } = await visited.call('GET', '/');
  expect(text).toContain('VMs (203)');
  expect(text).toContain('<p>3 more are not shown.</p>');
  expect(text.match(/<td>web-/g)).toHaveLength(200);
});

test('opening the page does not count as a call to the provider', async () => {
  await using visited = await visitOverHttp();
  await visited.call('GET', '/');
  expect(visited.emulator.ledger.calls).toEqual([]);
  expect((await visited.call('POST', '/')).status).toBe(404);
});
