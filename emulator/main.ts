/** `npm run emulator`: the emulated provider alone, for trying things by hand. */
import { createManualClock, realClock } from './clock.ts';
import { createEmulator } from './emulator.ts';
import { helpText, readOptions, type ProgramOptions } from './options.ts';
import { serve } from './server.ts';

async function run({ port, manualClock, accounts, ...rest }: ProgramOptions): Promise<void> {
  const clock = manualClock ? createManualClock() : realClock;
  const server = await serve(createEmulator({ ...rest, accounts, clock }), { port });
  const { url } = server;
  const key = accounts[0]?.keys[0] ?? '';
  console.log(
    [
      `The emulated provider listens at ${url}`,
      `  browser   ${url}/`,
      `  keys      ${accounts.map(({ ownerId, keys }) => `${keys.join(', ')} (owner ${ownerId})`).join('; ')}`,
      `  machines  curl -H 'X-Api-Key: ${key}' ${url}/virtual_machines`,
      `  create    curl -H 'X-Api-Key: ${key}' -H 'Content-Type: application/json' ${url}/virtual_machines \\`,
      `              -d '{"name": "web", "os_template_id": 1, "region_id": 1, "package_id": 1}'`,
      `  ledger    curl ${url}/_emulator/ledger`,
      `  switches  curl ${url}/_emulator/switches`,
      'Ctrl-C stops it.',
    ].join('\n'),
  );
  const stop = (): void => {
    void server.close();
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

const asked = readOptions(process.argv.slice(2));
switch (asked.kind) {
  case 'help':
    console.log(helpText());
    break;
  case 'bad':
    for (const problem of asked.problems) console.error(problem);
    process.exitCode = 2;
    break;
  case 'run':
    try {
      await run(asked.options);
    } catch (error) {
      // Only listening can fail: the port is taken, or may not be had.
      console.error(
        `Port ${asked.options.port} cannot be listened on (${error instanceof Error ? error.message : 'unknown reason'}); --port takes another.`,
      );
      process.exitCode = 1;
    }
}
