import { z } from 'zod';
import { excerpt } from '../image/excerpt.ts';
import { parseJson } from '../json.ts';
import type { Operation } from '../pin/json-patch.ts';

const versions = ['admission.k8s.io/v1', 'admission.k8s.io/v1beta1'] as const;

const groupVersionKind = z.object({ group: z.string().default(''), version: z.string(), kind: z.string() });

const requestSchema = z.object({
  uid: z.string().min(1),
  kind: groupVersionKind,
  subResource: z.string().nullish(),
  /** Empty at CREATE with generateName. */
  name: z.string().nullish(),
  /** This one counts, because the object's own may be empty at CREATE. */
  namespace: z.string().nullish(),
  operation: z.enum(['CREATE', 'UPDATE', 'DELETE', 'CONNECT']),
  userInfo: z.object({ groups: z.array(z.string()).nullish() }).default({}),
  object: z.unknown().optional(),
  oldObject: z.unknown().optional(),
  dryRun: z.boolean().nullish(),
});
export type AdmissionRequest = z.infer<typeof requestSchema>;

const reviewSchema = z.object({
  apiVersion: z.enum(versions),
  kind: z.literal('AdmissionReview'),
  request: requestSchema,
});

/** A review as the API server sends it; its response repeats the version and the uid. */
export type AdmissionReview = z.infer<typeof reviewSchema>;

/** Thrown for a body that isn't an AdmissionReview; the message names the field. */
export class InvalidReview extends Error {
  override readonly name = 'InvalidReview';
}

/** @throws InvalidReview */
export function parseReview(body: string): AdmissionReview {
  const json = parseJson(body);
  if (json === undefined) throw new InvalidReview('the body is not JSON; send an AdmissionReview');
  return parseAs(reviewSchema, json, 'AdmissionReview');
}

/** @throws InvalidReview naming the fields that are wrong */
export function parseAs<T>(shape: z.ZodType<T>, json: unknown, what: string): T {
  const parsed = shape.safeParse(json);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues
    .slice(0, 5)
    .map(({ path, message }) => `${excerpt(path.join('.')) || what}: ${excerpt(message)}`);
  throw new InvalidReview(`the body is not a valid ${what}: ${issues.join('; ')}`);
}

/** The decision on a review's object. */
export interface Verdict {
  allowed: boolean;
  /** The reason of a refusal, for the person who sent the object. */
  message?: string;
  /** The HTTP status that the API server gives the refusal; 403 unless said otherwise. */
  code?: number;
  patch?: readonly Operation[];
  warnings?: readonly string[];
}

/**
 * The response to a review: the same uid and version; patch and patchType both or neither.
 *
 * @see https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#response
 */
export function toResponse({ apiVersion, request }: AdmissionReview, verdict: Verdict): object {
  const { allowed, message = 'refused by tagpin', code = 403, patch = [], warnings = [] } = verdict;
  return {
    apiVersion,
    kind: 'AdmissionReview',
    response: {
      uid: request.uid,
      allowed,
      ...(allowed ? {} : { status: { code, message } }),
      ...(allowed && patch.length > 0
        ? { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') }
        : {}),
      ...(warnings.length > 0 ? { warnings: withinLimits(warnings) } : {}),
    },
  };
}

/** The API server cuts a warning after 256 characters and all of them after 4096 (apiserver endpoints/filters/warning.go). */
const WARNING_LIMIT = 256;
const ALL_WARNINGS_LIMIT = 4096;
/** Characters kept free to say how many more there are. */
const REST_RESERVE = 40;

function withinLimits(warnings: readonly string[]): string[] {
  const cut = warnings.map((warning) => truncate(warning, WARNING_LIMIT));
  const kept: string[] = [];
  let size = 0;
  for (const warning of cut) {
    size += [...warning].length;
    if (size > ALL_WARNINGS_LIMIT - REST_RESERVE) return [...kept, `and ${cut.length - kept.length} more`];
    kept.push(warning);
  }
  return kept;
}

/** Characters of a warning's end that stay: what to do stands there. */
const ADVICE_LIMIT = 140;

/**
 * The text without so much before its advice, which follows the last semicolon. Counted in characters, as the API server
 * does, not in UTF-16 units.
 */
function truncate(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const characters = [...text];
  if (characters.length <= limit) return text;
  const advice = [...text.slice(Math.max(text.lastIndexOf('; '), 0))].slice(-ADVICE_LIMIT);
  return `${characters.slice(0, limit - 1 - advice.length).join('')}…${advice.join('')}`;
}
