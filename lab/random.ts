// Random numbers from a seed: every cloud of a benchmark, every test and every typist is the same on every machine.
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { mersenne } from 'pure-rand/generator/mersenne';

/** Numbers in [0, 1), by the Mersenne Twister: those of seeds that are neighbours have nothing to do with each other from the first on. */
export function randomFrom(seed: number): () => number {
  const generator = mersenne(seed);
  return () => uniformFloat64(generator);
}
