/** A step of `npm run verify`: the workflows by the rules of actionlint. */
import { spawnSync } from 'node:child_process';
import { ensureComponents } from '../control-plane/components.ts';

const { actionlint } = await ensureComponents(['actionlint']);
// Without the programs that it would call if they happened to be here: the answer is the same on every machine.
const { status } = spawnSync(actionlint, ['-shellcheck=', '-pyflakes='], { stdio: 'inherit' });
process.exitCode = status ?? 1;
