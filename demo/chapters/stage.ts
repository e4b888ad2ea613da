import type { Admission, Admissions } from '../admission.ts';
import { imageOf, shortImage } from '../pods.ts';
import type { Registries } from '../registries.ts';
import type { Report } from '../report.ts';

/** The parts that every chapter uses. */
export interface Stage {
  readonly registries: Registries;
  readonly admissions: Admissions;
  readonly report: Report;
  readonly signal: AbortSignal;
}

/** The image of the admitted pod, shortened to fit beside a claim. */
export const seen = ({ pod }: Admission) => shortImage(imageOf(pod));
