import { replaced } from './configurations.ts';
import { describeGroup } from './exploration.ts';

describeGroup('a VM that is adopted, recreated, restored or deprived of its annotations', replaced);
