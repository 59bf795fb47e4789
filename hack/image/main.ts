/**
 * `npm run image`: builds the Dockerfile and runs the result, on a host without a container engine or a registry. With
 * an engine, `docker build .` (or podman) does the same with the real base images.
 */
import { buildImage } from './build.ts';
import { Unable } from './buildah.ts';
import { checkImage } from './check.ts';

// Ctrl-C also ends buildah; its failure then ends this program, which cleans up.
process.once('SIGINT', () => {});
try {
  await buildImage((built) => {
    for (const fact of checkImage(built)) console.log(`✓ ${fact}`);
  });
} catch (error) {
  if (!(error instanceof Unable)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
