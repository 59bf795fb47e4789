/**
 * Reads the list of the provider at the given URL at the given interval, again and again, as an account does, or with the given
 * number of keys at once, and prints what that took. It is a separate process because memory can be measured for processes
 * only.
 */
import { Secret } from '../../../src/domain/secret.ts';
import { MachineCache } from '../../../src/provider/account/snapshot.ts';
import { createHttpProvider } from '../../../src/provider/http/client.ts';
import { silentLog } from '../../../src/telemetry/log.ts';

const [baseUrl = '', total = '', rounds = '3', keys = '1'] = process.argv.slice(2);
const accounts = Array.from({ length: Number(keys) }, (_, index) => ({
  provider: createHttpProvider({
    baseUrl,
    apiKey: new Secret(`planted-key-${index}`),
    log: silentLog,
    retries: { count: 0 },
    timeouts: { response: Number(total), total: Number(total) },
  }),
  cache: new MachineCache(),
}));
const before = process.resourceUsage().maxRSS;
let longest = 0;
let answer = '';
for (let round = 1; round <= Number(rounds); round += 1) {
  const startedAt = process.cpuUsage();
  await Promise.all(
    accounts.map(async ({ provider, cache }) => {
      const outcome = await provider.listMachines();
      answer = outcome.ok ? `${outcome.value.length} entries` : `${outcome.failure.code}: ${outcome.failure.text}`;
      if (outcome.ok) cache.replace(round, round, outcome.value);
    }),
  );
  longest = Math.max(longest, process.cpuUsage(startedAt).user / 1_000);
}
const { maxRSS: peak } = process.resourceUsage();
// What this machine takes to parse 10 MB of JSON, read after the peak because it takes memory itself.
const fleet = JSON.stringify(Array.from({ length: 200_000 }, (_, id) => ({ id, name: `web-${id}`, state: 'running' })));
const startedAt = process.cpuUsage();
JSON.parse(fleet);
const yardstick = process.cpuUsage(startedAt).user / 1_000;
process.stdout.write(JSON.stringify({ answer, before, peak, longest, yardstick }));
