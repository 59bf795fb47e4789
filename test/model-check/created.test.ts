import { created } from './configurations.ts';
import { describeGroup } from './exploration.ts';

describeGroup('a VM that is created, by a process that crashes, loses answers or is slow', created);
