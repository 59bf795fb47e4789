import { loadSettings } from '../../src/config/load.ts';
import type { OperatorSettings } from '../../src/config/settings.ts';

/** What the chart installs: it leaves settings that have no value to the operator. */
export const usual: OperatorSettings = defaults();

function defaults(): OperatorSettings {
  const loaded = loadSettings([], {});
  if (!('settings' in loaded)) throw new Error(JSON.stringify(loaded));
  return loaded.settings;
}
