/** A step of `npm run verify`: checks the workflows with actionlint. */
import { spawnSync } from 'node:child_process';
import { ensureComponents } from '../control-plane/components.ts';

const { actionlint } = await ensureComponents(['actionlint']);
// Without the programs that it would call if they were installed, so that the result is the same on every host.
const { status } = spawnSync(actionlint, ['-shellcheck=', '-pyflakes='], { stdio: 'inherit' });
process.exitCode = status ?? 1;
