import { InvalidConfig } from '../../src/config/invalid-config.ts';
import { parseConfig } from '../../src/config.ts';

/** The problems of a configuration; none if it is valid. */
export function problemsOf(text: string): readonly string[] {
  try {
    parseConfig(text, 'config.yaml');
    return [];
  } catch (error) {
    if (error instanceof InvalidConfig) return error.problems;
    throw error;
  }
}
