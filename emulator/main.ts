/** `npm run emulator`: the emulated provider as a separate program, for manual use. */
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
      `  console   ${url}/ (in a browser)`,
      `  keys      ${accounts.map(({ ownerId, keys }) => `${keys.join(', ')} (owner ${ownerId})`).join('; ')}`,
      `  machines  curl -H 'X-Api-Key: ${key}' ${url}/virtual_machines`,
      `  create    curl -H 'X-Api-Key: ${key}' -H 'Content-Type: application/json' ${url}/virtual_machines \\`,
      `              -d '{"name": "web", "os_template_id": 1, "region_id": 1, "package_id": 1}'`,
      `  ledger    curl ${url}/_emulator/ledger`,
      `  switches  curl ${url}/_emulator/switches`,
      'Press Ctrl-C to stop.',
    ].join('\n'),
  );
  const stop = (): void => {
    void server.close();
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

const commandLine = readOptions(process.argv.slice(2));
switch (commandLine.kind) {
  case 'help':
    console.log(helpText());
    break;
  case 'bad':
    for (const problem of commandLine.problems) console.error(problem);
    process.exitCode = 2;
    break;
  case 'run':
    try {
      await run(commandLine.options);
    } catch (error) {
      // Only listening can fail: the port is in use, or needs more permissions.
      console.error(
        `Can't listen on port ${commandLine.options.port} (${error instanceof Error ? error.message : 'unknown reason'}); choose another one with --port.`,
      );
      process.exitCode = 1;
    }
}
