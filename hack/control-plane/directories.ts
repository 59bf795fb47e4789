import { existsSync, mkdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';

/** Where other programs and pages find the control plane of `npm run control-plane`. */
interface ControlPlaneFiles {
  readonly kubeconfig: string;
  readonly kubectl: string;
}

const folder = path.join('.out', 'control-plane');

/** Absolute; in the checkout that the process was started in, as npm starts it. What is there may be of one that ended. */
export const place: ControlPlaneFiles = {
  kubeconfig: path.resolve(folder, 'kubeconfig'),
  kubectl: path.resolve(folder, 'kubectl'),
};

/**
 * Links the place to the files of a control plane that runs now, until disposed. After `kill -9` the links lead nowhere. A second
 * control plane of the same checkout leaves the first one its place, and is found by its own files alone.
 */
export function publish(files: ControlPlaneFiles): ControlPlaneFiles & Disposable {
  mkdirSync(folder, { recursive: true });
  if (existsSync(place.kubeconfig)) return { ...files, [Symbol.dispose]: () => {} };
  for (const name of ['kubeconfig', 'kubectl'] as const) {
    rmSync(place[name], { force: true });
    symlinkSync(files[name], place[name]);
  }
  return {
    ...place,
    [Symbol.dispose]: () => {
      if (leadsTo(place.kubeconfig) === files.kubeconfig)
        for (const link of Object.values(place)) rmSync(link, { force: true });
    },
  };
}

function leadsTo(link: string): string | undefined {
  try {
    return readlinkSync(link);
  } catch {
    return undefined;
  }
}
