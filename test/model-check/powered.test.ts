import { powered } from './configurations.ts';
import { describeGroup } from './exploration.ts';

describeGroup('a VM that is switched, restarted, paused or observed', powered);
