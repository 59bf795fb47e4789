/** A step of `npm run verify`: checks the alerts with promtool, and runs the tests of each. */
import { spawnSync } from 'node:child_process';
import { ensureComponents } from '../control-plane/components.ts';
import { alerts } from '../generate/monitoring/alerts.ts';

const { promtool } = await ensureComponents(['promtool']);
const runs = [
  {
    args: ['check', 'rules', '--lint=all', '--lint-fatal', 'deploy/monitoring/rules.yaml'],
    shows: `${alerts.length} alerts are valid`,
  },
  {
    args: ['test', 'rules', 'deploy/monitoring/tests/rules.test.yaml'],
    shows: `each of ${alerts.length} alerts fires in one case and doesn't in another`,
  },
];
for (const { args, shows } of runs) {
  const { status } = spawnSync(promtool, args, { stdio: 'inherit' });
  if (status === 0) console.log(`✓ ${shows}`);
  else process.exitCode = 1;
}
