import { expect } from 'vitest';
import { z } from 'zod';
import { containerWithDefaults } from './pod.ts';
import { cases, testedIn, vectors } from './vectors.ts';

const defaulting = z.object({ image: z.string(), pullPolicyGiven: z.string(), defaulted: z.string() });

vectors('kubernetes.json', {
  pullPolicyDefault: cases(
    defaulting,
    ({ image, defaulted }) => `${JSON.stringify(image)} → ${defaulted}`,
    ({ image, pullPolicyGiven, defaulted }) => {
      const container = { name: 'c', image, imagePullPolicy: pullPolicyGiven };
      expect(containerWithDefaults(container).imagePullPolicy).toBe(defaulted);
    },
  ),
  serviceAccountSecrets: testedIn('test/pin/walk.test.ts'),
  fields: testedIn('test/pin/walk.test.ts'),
});
