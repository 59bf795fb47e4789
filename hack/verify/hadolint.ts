/** A step of `npm run verify`: checks the Dockerfile with hadolint. */
import { spawnSync } from 'node:child_process';
import { ensurePythonTool } from '../tools/python.ts';

const { status } = spawnSync(await ensurePythonTool('hadolint'), ['Dockerfile'], {
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
