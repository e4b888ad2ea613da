import { z } from 'zod';
import { jsonReply, type ReceivedRequest, type Reply } from '../answering.ts';
import { badRequest } from './status.ts';

const attributes = z.object({
  verb: z.string(),
  group: z.string().default(''),
  resource: z.string(),
  namespace: z.string().optional(),
  name: z.string().optional(),
});

/** The subject and the action of an access review. */
export type Attributes = z.infer<typeof attributes> & {
  /** Undefined for the caller itself. */
  user?: string | undefined;
};

const review = z.looseObject({
  spec: z.looseObject({ user: z.string().optional(), resourceAttributes: attributes }),
});

export const isAccessReview = (group: string) => group === 'authorization.k8s.io';

/** Answers a SubjectAccessReview or SelfSubjectAccessReview, without storing it. */
export function reviewAccess({ body }: ReceivedRequest, mayDo: (what: Attributes) => boolean): Reply {
  const sent = review.safeParse(JSON.parse(body.toString()));
  if (!sent.success) throw badRequest(z.prettifyError(sent.error));
  const { user, resourceAttributes } = sent.data.spec;
  return jsonReply(201, { ...sent.data, status: { allowed: mayDo({ ...resourceAttributes, user }) } });
}
