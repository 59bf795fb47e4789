import { failed } from '../../../src/domain/failure.ts';
import type { Provider } from '../../../src/provider/provider.ts';
import type { InMemoryProvider } from './fake-provider.ts';

/** The create call of a provider that refuses each name that a VM has. */
export function refuseTakenNames(truth: Provider, { machines }: InMemoryProvider): Provider['createMachine'] {
  return (request) => {
    const refusal = {
      operation: 'CreateMachine',
      class: 'Terminal',
      code: 'Unprocessable',
      status: 422,
      text: '',
    } as const;
    const isTaken = [...machines.values()].some(({ name }) => name === request.name);
    return isTaken ? Promise.resolve(failed(refusal)) : truth.createMachine(request);
  };
}
