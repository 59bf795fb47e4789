/** Builds helm before the first test that needs it, whose time limit a build would exceed. */
import { ensureComponents } from '../../hack/control-plane/components.ts';
import { Refusal } from '../../hack/control-plane/refusal.ts';

export default async function setUp(): Promise<void> {
  try {
    await ensureComponents(['helm']);
  } catch (error) {
    // Each test says so itself: thrown here, it would end the whole run.
    if (!(error instanceof Refusal)) throw error;
  }
}
