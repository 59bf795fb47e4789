import { refused } from './configurations.ts';
import { describeGroup } from './exploration.ts';

describeGroup('a VM that is created against refusals, policies, others of its name and other keys', refused);
