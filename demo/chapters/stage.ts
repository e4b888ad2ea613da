import type { Admission, Admissions } from '../admission.ts';
import { imageOf, shortImage } from '../pods.ts';
import type { Registries } from '../registries.ts';
import type { Report } from '../report.ts';

/** What every chapter has at hand. */
export interface Stage {
  readonly registries: Registries;
  readonly admissions: Admissions;
  readonly report: Report;
  readonly signal: AbortSignal;
}

/** The image that the pod came out with, short enough to stand beside a claim. */
export const seen = ({ pod }: Admission) => shortImage(imageOf(pod));
