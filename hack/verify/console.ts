/** A step of `npm run verify`: the emulator's console in a headless Chromium, on a desktop and a phone. */
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { createEmulator } from '../../emulator/emulator.ts';
import { serve } from '../../emulator/server.ts';
import { Browser, type View } from '../console/browser.ts';

const out = path.join(import.meta.dirname, '../../.out/verify/console');
const views: Readonly<Record<string, View>> = {
  desktop: { width: 1280, height: 900 },
  'desktop-dark': { width: 1280, height: 900, isDark: true },
  phone: { width: 390, height: 844 },
  'phone-dark': { width: 390, height: 844, isDark: true },
};
/** If it were HTML, it would run. */
const hostile = '<img src=x onerror="document.title=1">';
/** Presses of the Tab key within which each button is reached. */
const mostTabs = 200;

function demand(isSo: boolean, otherwise: string): asserts isSo {
  // Thrown, so that the browser ends.
  if (!isSo) throw new Error(otherwise);
}

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const emulator = createEmulator({
  accounts: [{ ownerId: 1, keys: ['planted-key-console'] }],
  latencies: { pickup: 30, provision: 50, start: 100, halt: 100, kill: 50 },
});
const server = await serve(emulator);
await using browser = await Browser.start();

async function call(method: string, resource: string, body?: object): Promise<number> {
  const headers = { 'X-Api-Key': 'planted-key-console', 'Content-Type': 'application/json' };
  const request = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
  return (await fetch(`${server.url}${resource}`, request)).status;
}

/** In the page: the row of a VM, and whether a text is in it. */
const rowOf = (name: string): string =>
  `[...document.querySelectorAll('[aria-label=VMs] tbody tr')].find((row) => row.children[1].textContent === ${JSON.stringify(name)})`;
const focused = 'document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent';

async function focusByKeyboard(label: string): Promise<void> {
  for (let tabs = 0; tabs < mostTabs; tabs += 1) {
    if ((await browser.evaluate<string>(focused)) === label) return;
    await browser.press('Tab');
  }
  throw new Error(`${label} was not focused within ${mostTabs} presses of Tab`);
}

await call('POST', '/virtual_machines', { name: 'web', region_id: 1, package_id: 1, os_template_id: 1 });
emulator.panel.create({ name: 'db', state: 'halted' });
emulator.panel.create({ name: hostile });
emulator.addFault({
  when: 'before',
  action: { kind: 'rate-limit', retryAfter: '5' },
  operation: 'GetMachine',
  times: 3,
});
for (const id of [1_001, 1_002, 1_003]) await call('GET', `/virtual_machines/${id}`);
emulator.setSwitches({ listShape: 'data' });

for (const [name, view] of Object.entries(views)) {
  await browser.open(`${server.url}/`, view);
  await browser.until('document.querySelectorAll("[aria-label=VMs] tbody tr").length === 3');
  await browser.screenshot(path.join(out, `${name}.png`));
  const overflow = await browser.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
  demand(overflow <= 0, `${name}: the page is ${overflow} pixels too wide`);
  const small = await browser.evaluate<string[]>(
    '[...document.querySelectorAll("#console button")].filter((one) => one.offsetParent && one.getBoundingClientRect().height < 24).map((one) => one.textContent)',
  );
  demand(small.length === 0, `${name}: too small to touch: ${small.join(', ')}`);
  console.log(`✓ ${name}: ${view.width} pixels wide, shows the VMs, and nothing is cut off`);
}

await browser.open(`${server.url}/`, { width: 1280, height: 900 });
await browser.until(`${rowOf('web')}?.children[2].textContent === 'running'`);
demand((await browser.evaluate<string>('document.title')) !== '1', 'the name of a VM ran as HTML');
demand(await browser.evaluate<boolean>(`${rowOf(hostile)} !== undefined`), 'the hostile name is not shown');
console.log('✓ the name of a VM is shown as text, whatever it contains');

await focusByKeyboard('Stop: web');
await browser.press('Enter');
await browser.until(`${rowOf('web')}.children[2].textContent === 'halted'`);
demand((await browser.evaluate<string>(focused)) === 'Stop: web', 'the focus moved when the row changed');
await browser.press('Enter');
await browser.until('document.querySelector("[role=status]").classList.contains("problem")');
console.log('✓ by keyboard, a VM is stopped; the focus stays, and a refusal is reported');

await browser.evaluate('document.querySelector("form input").focus()');
await browser.type('by-hand');
await browser.press('Enter');
await browser.until(rowOf('by-hand'));
await browser.evaluate(`${rowOf('by-hand')}.querySelector('.danger').click()`);
await browser.until(`${rowOf('by-hand')} === undefined`);
console.log('✓ a VM is created and deleted');

await browser.evaluate(`${rowOf('web')}.querySelector('[data-toggle]').click()`);
await browser.until(`${rowOf('web')}.querySelector('[aria-pressed=true]')`);
demand(
  emulator.machines().some(({ name, ignoresShutdown }) => name === 'web' && ignoresShutdown),
  'not switched',
);
await browser.evaluate('document.querySelector("[aria-describedby=fault-server-error]").click()');
await browser.until('document.querySelectorAll("[aria-label=Faults] tbody tr").length === 2');
demand((await call('GET', '/virtual_machines')) === 500, 'the fault was not applied');
await browser.until('document.querySelector("[aria-label=Calls] tbody tr").textContent.includes("before status")');
console.log('✓ a guest is set to ignore the shutdown signal; a fault is added with a click, and applied');

const setSwitch = (value: string): Promise<unknown> =>
  browser.evaluate(
    `(() => { const input = document.querySelector('#switch-listLag'); input.value = ${JSON.stringify(value)}; input.dispatchEvent(new Event('change')); })()`,
  );
await setSwitch('1500');
await browser.until('document.querySelector("#switch-listLag").closest(".changed")');
demand(emulator.switches.listLag === 1_500, 'the switch is not set');
const errors = browser.errors.filter((text) => !text.includes('409'));
demand(errors.length === 0, `errors in the page: ${errors.join('\n')}`);
await setSwitch('soon');
await browser.until('document.querySelector("#switch-listLag").value === "1500"');
console.log('✓ a switch is set, and a wrong value is refused; the page had no JavaScript errors');

await server.close();
await browser.until('document.querySelector(".connection").classList.contains("problem")');
console.log('✓ when the emulator stops, the page shows that it is disconnected');
