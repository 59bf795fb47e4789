import { deleted } from './configurations.ts';
import { describeGroup } from './exploration.ts';

describeGroup('a VM that is deleted', deleted);
