/**
 * `npm run image`: builds the Dockerfile and runs the result, on a machine with neither a container engine nor a registry in
 * reach. Where there is one, `docker build .` (or podman) does the same with the real base images; this stands in for it.
 */
import { buildImage } from './build.ts';
import { Unable } from './buildah.ts';
import { checkImage } from './check.ts';

// Ctrl-C reaches the running buildah as well; its failure then unwinds this program, which cleans up.
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
