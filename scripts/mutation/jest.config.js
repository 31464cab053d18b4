// The unit tests of one group (VMSHADOW_MUTATE), as Stryker's jest runner wants them: one project.
import config from '../../jest.config.js';
import { groups } from './groups.js';

const unit = config.projects.find((project) => project.displayName === 'unit');
const { tests } = groups[process.env.VMSHADOW_MUTATE];

export default {
  ...unit,
  rootDir: process.cwd(),
  // Its sandbox lies in what the unit tier itself leaves out.
  modulePathIgnorePatterns: [],
  testMatch: undefined,
  testRegex: tests.map((start) => `/${start.replaceAll('.', '\\.')}.*\\.test\\.ts$`),
};
