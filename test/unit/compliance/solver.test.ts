import { highs } from '../../../drivers/solver/highs-solver.js';
import { bruteForce } from '../../../lab/fakes/fake-solver.js';
import { describeSolver } from '../../compliance/solver.js';

describeSolver(bruteForce);
describeSolver(highs);
