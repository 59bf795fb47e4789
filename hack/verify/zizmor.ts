/** A step of `npm run verify`: checks workflows and Dependabot's settings with zizmor, offline. */
import { spawnSync } from 'node:child_process';
import { ensurePythonTool } from '../tools/python.ts';

const zizmor = await ensurePythonTool('zizmor');
const { status } = spawnSync(zizmor, ['--offline', '--no-progress', '--pedantic', '.github'], { stdio: 'inherit' });
process.exitCode = status ?? 1;
